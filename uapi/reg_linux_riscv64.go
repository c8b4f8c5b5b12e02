package uapi

// RegRISCVVectorReg is the vector register n, up to 31, of a vCPU whose vector
// registers are as wide as T: RegRISCVVectorReg[[2]uint64](3) for 128 bits.
// RegRISCVVectorCSRVlenb says how wide, in bytes (KVM_REG_RISCV_VECTOR_REG).
func RegRISCVVectorReg[T RegValue](n int) RegID[T] {
	return RegID[T](RegRISCV | regSize[T]() | RegRISCVVector | (RegRISCVVectorRegFirst + uint64(n)&31))
}

// RegRISCVISASingleReg is whether the vCPU has an extension, RISCVISAExtA and so
// on: 1 or 0 (KVM_REG_RISCV_ISA_SINGLE).
func RegRISCVISASingleReg(ext uint16) RegID[uint64] {
	return RegRISCV | RegSizeU64 | RegRISCVISAExt | RegRISCVISASingle | RegID[uint64](ext)
}

// RegRISCVSBISingleReg is whether the vCPU's firmware has an extension,
// RISCVSBIExtTime and so on: 1 or 0 (KVM_REG_RISCV_SBI_SINGLE).
func RegRISCVSBISingleReg(ext uint16) RegID[uint64] {
	return RegRISCV | RegSizeU64 | RegRISCVSBIExt | RegRISCVSBISingle | RegID[uint64](ext)
}

// riscvKinds are the types of registers, and the subtypes within them.
var riscvKinds = map[Reg]string{
	RegRISCVConfig:                       "KVM_REG_RISCV_CONFIG",
	RegRISCVCore:                         "KVM_REG_RISCV_CORE",
	RegRISCVCSR | RegRISCVCSRGeneral:     "KVM_REG_RISCV_CSR_GENERAL",
	RegRISCVCSR | RegRISCVCSRAIA:         "KVM_REG_RISCV_CSR_AIA",
	RegRISCVCSR | RegRISCVCSRSmstateen:   "KVM_REG_RISCV_CSR_SMSTATEEN",
	RegRISCVTimer:                        "KVM_REG_RISCV_TIMER",
	RegRISCVFPF:                          "KVM_REG_RISCV_FP_F",
	RegRISCVFPD:                          "KVM_REG_RISCV_FP_D",
	RegRISCVISAExt | RegRISCVISASingle:   "KVM_REG_RISCV_ISA_SINGLE",
	RegRISCVISAExt | RegRISCVISAMultiEn:  "KVM_REG_RISCV_ISA_MULTI_EN",
	RegRISCVISAExt | RegRISCVISAMultiDis: "KVM_REG_RISCV_ISA_MULTI_DIS",
	RegRISCVSBIExt | RegRISCVSBISingle:   "KVM_REG_RISCV_SBI_SINGLE",
	RegRISCVSBIExt | RegRISCVSBIMultiEn:  "KVM_REG_RISCV_SBI_MULTI_EN",
	RegRISCVSBIExt | RegRISCVSBIMultiDis: "KVM_REG_RISCV_SBI_MULTI_DIS",
	RegRISCVVector:                       "KVM_REG_RISCV_VECTOR",
	RegRISCVSBIState | RegRISCVSBISta:    "KVM_REG_RISCV_SBI_STA",
	RegRISCVSBIState | RegRISCVSBIFwft:   "KVM_REG_RISCV_SBI_FWFT",
}

func regKind(r Reg) string {
	const kind = RegRISCVTypeMask | RegRISCVSubtypeMask
	name, ok := riscvKinds[r&kind]
	if !ok || r&RegArchMask != RegRISCV {
		return ""
	}
	low := uint64(r & 0xffff)
	if r&kind == RegRISCVVector && low >= RegRISCVVectorRegFirst {
		return regNumbered("KVM_REG_RISCV_VECTOR_REG", low-RegRISCVVectorRegFirst)
	}
	return regNumbered(name, low)
}
