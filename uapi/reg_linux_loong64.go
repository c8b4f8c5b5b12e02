package uapi

// RegLoongarchCSRReg is a control and status register by its number
// (KVM_IOC_CSRID).
func RegLoongarchCSRReg(n uint16) RegID[uint64] {
	return RegLoongarchCSR | RegSizeU64 | RegID[uint64](n)<<LoongarchRegShift&CSRIdxMask
}

// RegLoongarchCPUCFGReg is a word of what CPUCFG tells the guest of its processor
// (KVM_IOC_CPUCFG).
func RegLoongarchCPUCFGReg(n uint16) RegID[uint64] {
	return RegLoongarchCPUCFG | RegSizeU64 | RegID[uint64](n)<<LoongarchRegShift&CSRIdxMask
}

func regKind(r Reg) string {
	index := uint64(r) & CSRIdxMask >> LoongarchRegShift
	switch r &^ CSRIdxMask {
	case RegLoongarchCSR | RegSizeU64:
		return regNumbered("KVM_IOC_CSRID", index)
	case RegLoongarchCPUCFG | RegSizeU64:
		return regNumbered("KVM_IOC_CPUCFG", index)
	}
	return ""
}
