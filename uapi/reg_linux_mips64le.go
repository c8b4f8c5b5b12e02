package uapi

// RegMIPSCP0U32 is a register of coprocessor 0 of 32 bits, by its number and its
// select, 5 and 3 bits. api.rst lists those that there are and how wide they are.
func RegMIPSCP0U32(reg, sel uint8) RegID[uint32] {
	return RegID[uint32](RegMIPSCP0 | RegSizeU32 | mipsCP0(reg, sel))
}

// RegMIPSCP0U64 is the same of 64 bits.
func RegMIPSCP0U64(reg, sel uint8) RegID[uint64] {
	return RegID[uint64](RegMIPSCP0 | RegSizeU64 | mipsCP0(reg, sel))
}

func mipsCP0(reg, sel uint8) uint64 { return uint64(reg)&31<<3 | uint64(sel)&7 }

func regKind(r Reg) string {
	low := uint64(r & 0xffff)
	switch r &^ 0xffff &^ RegSizeMask {
	case RegMIPSGP:
		return regNumbered("KVM_REG_MIPS_GP", low)
	case RegMIPSCP0:
		if low < 1<<8 {
			return regNumbered("KVM_REG_MIPS_CP0", low>>3, low&7)
		}
		return regNumbered("KVM_REG_MIPS_CP0", low)
	case RegMIPSKVM:
		return regNumbered("KVM_REG_MIPS_KVM", low)
	case RegMIPSFPU:
		return regNumbered("KVM_REG_MIPS_FPU", low)
	}
	return ""
}
