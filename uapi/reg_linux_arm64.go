package uapi

import "fmt"

// RegArm64Sysreg5 is the system register with the encoding that MRS and MSR have
// (ARM64_SYS_REG): each number is cut to the width of its field.
//
// The headers have the ids of the virtual timer's comparator and counter the other
// way around: use RegArmTimerCval and RegArmTimerCnt for those.
func RegArm64Sysreg5(op0, op1, crn, crm, op2 uint8) RegID[uint64] {
	field := func(n uint8, shift int, mask uint64) uint64 { return uint64(n) << shift & mask }
	return RegID[uint64](RegArm64 | RegSizeU64 | RegArm64Sysreg |
		field(op0, RegArm64SysregOp0Shift, RegArm64SysregOp0Mask) |
		field(op1, RegArm64SysregOp1Shift, RegArm64SysregOp1Mask) |
		field(crn, RegArm64SysregCrnShift, RegArm64SysregCrnMask) |
		field(crm, RegArm64SysregCrmShift, RegArm64SysregCrmMask) |
		field(op2, RegArm64SysregOp2Shift, RegArm64SysregOp2Mask))
}

// RegArm64SysregOps takes the id of a system register apart; ok is false for that
// of another register.
func RegArm64SysregOps(r Reg) (op0, op1, crn, crm, op2 uint8, ok bool) {
	field := func(shift int, mask Reg) uint8 { return uint8(r & mask >> shift) }
	return field(RegArm64SysregOp0Shift, RegArm64SysregOp0Mask),
		field(RegArm64SysregOp1Shift, RegArm64SysregOp1Mask),
		field(RegArm64SysregCrnShift, RegArm64SysregCrnMask),
		field(RegArm64SysregCrmShift, RegArm64SysregCrmMask),
		field(RegArm64SysregOp2Shift, RegArm64SysregOp2Mask),
		r&^0xffff == RegArm64|RegSizeU64|RegArm64Sysreg
}

// RegArm64SVEZregSlice is a slice of 2048 bits of the vector register n, which is
// cut to 5 bits, as slice is. No processor has more than slice 0, which is
// RegArm64SVEZreg0 and so on (KVM_REG_ARM64_SVE_ZREG).
func RegArm64SVEZregSlice(n, slice int) RegID[[256]byte] {
	return RegArm64SVEZreg0 | RegID[[256]byte](n&(Arm64SVENumZregs-1)<<5|slice&(Arm64SVEMaxSlices-1))
}

// RegArm64SVEPregSlice is the same of the predicate register n, of 256 bits
// (KVM_REG_ARM64_SVE_PREG).
func RegArm64SVEPregSlice(n, slice int) RegID[[32]byte] {
	return RegArm64SVEPreg0 | RegID[[32]byte](n&(Arm64SVENumPregs-1)<<5|slice&(Arm64SVEMaxSlices-1))
}

// RegArm64SVEFfrSlice is the same of the first-fault register
// (KVM_REG_ARM64_SVE_FFR).
func RegArm64SVEFfrSlice(slice int) RegID[[32]byte] {
	return RegArm64SVEFfr0 | RegID[[32]byte](slice&(Arm64SVEMaxSlices-1))
}

// RegArmFwReg is a pseudo-register of the firmware that KVM plays
// (KVM_REG_ARM_FW_REG).
func RegArmFwReg(n uint16) RegID[uint64] {
	return RegArm64 | RegSizeU64 | RegArmFw | RegID[uint64](n)
}

// RegArmFwFeatBmapReg is a bitmap of the firmware's services
// (KVM_REG_ARM_FW_FEAT_BMAP_REG).
func RegArmFwFeatBmapReg(n uint16) RegID[uint64] {
	return RegArm64 | RegSizeU64 | RegArmFwFeatBmap | RegID[uint64](n)
}

// RegArmDemuxCcsidr is the size register of the cache that CSSELR_EL1 selects with
// the value csselr (KVM_REG_ARM_DEMUX_ID_CCSIDR).
func RegArmDemuxCcsidr(csselr uint8) RegID[uint32] {
	return RegArm64 | RegSizeU32 | RegArmDemux | RegArmDemuxIDCcsidr | RegID[uint32](csselr)<<RegArmDemuxValShift
}

func regKind(r Reg) string {
	if op0, op1, crn, crm, op2, ok := RegArm64SysregOps(r); ok {
		return fmt.Sprintf("S%d_%d_c%d_c%d_%d", op0, op1, crn, crm, op2)
	}
	if r&RegArchMask != RegArm64 {
		return ""
	}
	low := uint64(r & 0xffff)
	switch r & RegArmCoprocMask {
	case RegArmCore:
		return regNumbered("KVM_REG_ARM_CORE", low)
	case RegArmDemux:
		return regNumbered("KVM_REG_ARM_DEMUX", low&RegArmDemuxIDMask>>RegArmDemuxIDShift, low&RegArmDemuxValMask)
	case RegArmFw:
		return regNumbered("KVM_REG_ARM_FW_REG", low)
	case RegArmFwFeatBmap:
		return regNumbered("KVM_REG_ARM_FW_FEAT_BMAP_REG", low)
	case RegArm64SVE:
		return regNumbered("KVM_REG_ARM64_SVE", low)
	}
	return ""
}
