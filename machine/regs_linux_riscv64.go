package machine

import "linuxkvm/uapi"

// Ids of registers, numbered by their place in the kernel's structs in words of 64
// bits: struct kvm_riscv_core, which begins with the general registers in their
// order, struct kvm_riscv_config, kvm_riscv_timer and kvm_riscv_csr.
const (
	reg64 = uapi.RegRISCV | uapi.RegSizeU64

	coreReg   = reg64 | uapi.RegRISCVCore
	regPC     = coreReg
	regRA     = coreReg | 1
	regA0     = coreReg | 10
	regA1     = coreReg | 11
	regMode   = coreReg | 32
	configReg = reg64 | uapi.RegRISCVConfig

	regZicbomBlock = configReg | 1
	regZicbozBlock = configReg | 5
	regSatpMode    = configReg | 6
	regZicbopBlock = configReg | 7

	regTimebase = reg64 | uapi.RegRISCVTimer

	csrReg     = reg64 | uapi.RegRISCVCSR | uapi.RegRISCVCSRGeneral
	regSstatus = csrReg
	regSie     = csrReg | 1
	regStvec   = csrReg | 2
	regSepc    = csrReg | 4
	regScause  = csrReg | 5
	regStval   = csrReg | 6
	regSip     = csrReg | 7
	regSatp    = csrReg | 8
)

// generalNames are the general registers behind the program counter.
var generalNames = [...]string{
	"RA", "SP", "GP", "TP", "T0", "T1", "T2", "S0", "S1", "A0", "A1", "A2", "A3", "A4", "A5", "A6", "A7",
	"S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10", "S11", "T3", "T4", "T5", "T6",
}
