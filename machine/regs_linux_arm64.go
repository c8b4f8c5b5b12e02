package machine

import "linuxkvm/uapi"

// Ids of registers. General ones are numbered by their place in struct kvm_regs,
// in words of 32 bits.
const (
	coreReg = uapi.RegArm64 | uapi.RegSizeU64 | uapi.RegArmCore

	regX0     = coreReg | 2*0
	regSP     = coreReg | 2*31
	regPC     = coreReg | 2*32
	regPSTATE = coreReg | 2*33
	regSPEL1  = coreReg | 2*34
	regELREL1 = coreReg | 2*35
	regSPSR   = coreReg | 2*36
)

// System registers are numbered by the fields of the instruction that reads them.
const (
	sysReg = uapi.RegArm64 | uapi.RegSizeU64 | uapi.RegArm64Sysreg

	regMPIDR = sysReg | 3<<uapi.RegArm64SysregOp0Shift | 5<<uapi.RegArm64SysregOp2Shift
	regSCTLR = sysReg | 3<<uapi.RegArm64SysregOp0Shift | 1<<uapi.RegArm64SysregCrnShift
	regTTBR0 = sysReg | 3<<uapi.RegArm64SysregOp0Shift | 2<<uapi.RegArm64SysregCrnShift
	regTTBR1 = regTTBR0 | 1<<uapi.RegArm64SysregOp2Shift
	regESR   = sysReg | 3<<uapi.RegArm64SysregOp0Shift | 5<<uapi.RegArm64SysregCrnShift | 2<<uapi.RegArm64SysregCrmShift
	regFAR   = sysReg | 3<<uapi.RegArm64SysregOp0Shift | 6<<uapi.RegArm64SysregCrnShift
	regVBAR  = sysReg | 3<<uapi.RegArm64SysregOp0Shift | 12<<uapi.RegArm64SysregCrnShift
)
