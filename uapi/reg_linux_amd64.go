package uapi

// RegX86MSR is a model-specific register (KVM_X86_REG_MSR).
func RegX86MSR(index uint32) RegID[uint64] {
	return RegX86 | RegSizeU64 | X86RegTypeMSR<<32 | RegID[uint64](index)
}

// RegX86GuestSSP is the guest's shadow stack pointer (KVM_REG_GUEST_SSP).
const RegX86GuestSSP RegID[uint64] = RegX86 | RegSizeU64 | X86RegTypeKVM<<32 | RegGuestSSP

func regKind(r Reg) string {
	switch {
	case r == Reg(RegX86GuestSSP):
		return "KVM_REG_GUEST_SSP"
	case r&^0xffffffff == Reg(RegX86MSR(0)):
		return regNumbered("KVM_X86_REG_MSR", uint64(r&0xffffffff))
	}
	return ""
}
