package main

// regRow is a family of registers for KVM_GET_ONE_REG whose ids the headers do not
// write out: a macro makes them, out of a member of a struct, an enumeration
// constant or a number. (Ids that are macros themselves need no row.)
type regRow struct {
	kernel string // the architecture
	golang string // how the names start

	// What tells one register from the next: one of these four.
	members string    // a struct, whose members are registers, each as wide as it is
	enum    string    // an enumeration; a last constant that ends in _MAX only counts
	numbers [2]string // the first and the last number, expressions in C

	sysregs bool // the registers of sysregs

	use   string   // the macro's use, with %s for the register; it is what String says
	with  string   // what the id has besides
	strip []string // in front of a member, or of an enumeration constant, that no name needs
}

const riscvID = "KVM_REG_RISCV | "

// regRows are the families. What with says comes from the kernel's own test,
// tools/testing/selftests/kvm/*/get-reg-list.c, and from api.rst.
var regRows = []regRow{
	{kernel: "arm64", golang: "RegArmCore", members: "kvm_regs", use: "KVM_REG_ARM_CORE_REG(%s)",
		with: "KVM_REG_ARM64 | KVM_REG_ARM_CORE", strip: []string{"regs.", "fp_regs."}},
	{kernel: "arm64", golang: "RegArm64Sysreg", sysregs: true, use: "ARM64_SYS_REG"},
	{kernel: "arm64", golang: "RegArm64SVEZreg", numbers: [2]string{"0", "KVM_ARM64_SVE_NUM_ZREGS - 1"}, use: "KVM_REG_ARM64_SVE_ZREG(%s, 0)"},
	{kernel: "arm64", golang: "RegArm64SVEPreg", numbers: [2]string{"0", "KVM_ARM64_SVE_NUM_PREGS - 1"}, use: "KVM_REG_ARM64_SVE_PREG(%s, 0)"},
	{kernel: "arm64", golang: "RegArm64SVEFfr", numbers: [2]string{"0", "0"}, use: "KVM_REG_ARM64_SVE_FFR(%s)"},
	// Seven levels of caches, each with one for data and one for instructions.
	{kernel: "arm64", golang: "RegArmDemuxCcsidr", numbers: [2]string{"0", "13"}, use: "KVM_REG_ARM_DEMUX_ID_CCSIDR | %s",
		with: "KVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_DEMUX"},

	{kernel: "riscv", golang: "RegRISCVConfig", members: "kvm_riscv_config", use: "KVM_REG_RISCV_CONFIG_REG(%s)",
		with: riscvID + "KVM_REG_RISCV_CONFIG"},
	{kernel: "riscv", golang: "RegRISCVCore", members: "kvm_riscv_core", use: "KVM_REG_RISCV_CORE_REG(%s)",
		with: riscvID + "KVM_REG_RISCV_CORE", strip: []string{"regs."}},
	{kernel: "riscv", golang: "RegRISCVCSR", members: "kvm_riscv_csr", use: "KVM_REG_RISCV_CSR_REG(%s)",
		with: riscvID + "KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_GENERAL"},
	{kernel: "riscv", golang: "RegRISCVCSRAIA", members: "kvm_riscv_aia_csr", use: "KVM_REG_RISCV_CSR_AIA_REG(%s)",
		with: riscvID + "KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_AIA"},
	{kernel: "riscv", golang: "RegRISCVCSRSmstateen", members: "kvm_riscv_smstateen_csr", use: "KVM_REG_RISCV_CSR_SMSTATEEN_REG(%s)",
		with: riscvID + "KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_SMSTATEEN"},
	{kernel: "riscv", golang: "RegRISCVTimer", members: "kvm_riscv_timer", use: "KVM_REG_RISCV_TIMER_REG(%s)",
		with: riscvID + "KVM_REG_RISCV_TIMER"},
	{kernel: "riscv", golang: "RegRISCVFPF", members: "__riscv_f_ext_state", use: "KVM_REG_RISCV_FP_F_REG(%s)",
		with: riscvID + "KVM_REG_RISCV_FP_F"},
	{kernel: "riscv", golang: "RegRISCVFPD", members: "__riscv_d_ext_state", use: "KVM_REG_RISCV_FP_D_REG(%s)",
		with: riscvID + "KVM_REG_RISCV_FP_D"},
	{kernel: "riscv", golang: "RegRISCVVectorCSR", members: "__riscv_v_ext_state", use: "KVM_REG_RISCV_VECTOR_CSR_REG(%s)",
		with: riscvID + "KVM_REG_RISCV_VECTOR"},
	{kernel: "riscv", golang: "RegRISCVISAExt", enum: "KVM_RISCV_ISA_EXT_ID", use: "KVM_REG_RISCV_ISA_SINGLE | %s",
		with: riscvID + "KVM_REG_SIZE_ULONG | KVM_REG_RISCV_ISA_EXT", strip: []string{"KVM_RISCV_ISA_EXT_"}},
	{kernel: "riscv", golang: "RegRISCVISAMultiEn", numbers: [2]string{"0", "KVM_REG_RISCV_ISA_MULTI_REG_LAST"}, use: "KVM_REG_RISCV_ISA_MULTI_EN | %s",
		with: riscvID + "KVM_REG_SIZE_ULONG | KVM_REG_RISCV_ISA_EXT"},
	{kernel: "riscv", golang: "RegRISCVISAMultiDis", numbers: [2]string{"0", "KVM_REG_RISCV_ISA_MULTI_REG_LAST"}, use: "KVM_REG_RISCV_ISA_MULTI_DIS | %s",
		with: riscvID + "KVM_REG_SIZE_ULONG | KVM_REG_RISCV_ISA_EXT"},
	{kernel: "riscv", golang: "RegRISCVSBIExt", enum: "KVM_RISCV_SBI_EXT_ID", use: "KVM_REG_RISCV_SBI_SINGLE | %s",
		with: riscvID + "KVM_REG_SIZE_ULONG | KVM_REG_RISCV_SBI_EXT", strip: []string{"KVM_RISCV_SBI_EXT_"}},
	{kernel: "riscv", golang: "RegRISCVSBIMultiEn", numbers: [2]string{"0", "KVM_REG_RISCV_SBI_MULTI_REG_LAST"}, use: "KVM_REG_RISCV_SBI_MULTI_EN | %s",
		with: riscvID + "KVM_REG_SIZE_ULONG | KVM_REG_RISCV_SBI_EXT"},
	{kernel: "riscv", golang: "RegRISCVSBIMultiDis", numbers: [2]string{"0", "KVM_REG_RISCV_SBI_MULTI_REG_LAST"}, use: "KVM_REG_RISCV_SBI_MULTI_DIS | %s",
		with: riscvID + "KVM_REG_SIZE_ULONG | KVM_REG_RISCV_SBI_EXT"},
	{kernel: "riscv", golang: "RegRISCVSBISta", members: "kvm_riscv_sbi_sta", use: "KVM_REG_RISCV_SBI_STA_REG(%s)",
		with: riscvID + "KVM_REG_RISCV_SBI_STATE | KVM_REG_RISCV_SBI_STA"},
	{kernel: "riscv", golang: "RegRISCVSBIFwft", members: "kvm_riscv_sbi_fwft", use: "KVM_REG_RISCV_SBI_FWFT_REG(%s)",
		with: riscvID + "KVM_REG_RISCV_SBI_STATE | KVM_REG_RISCV_SBI_FWFT"},

	{kernel: "powerpc", golang: "RegPPCFPR", numbers: [2]string{"0", "KVM_REG_PPC_FPR31 - KVM_REG_PPC_FPR0"}, use: "KVM_REG_PPC_FPR(%s)"},
	{kernel: "powerpc", golang: "RegPPCVR", numbers: [2]string{"0", "KVM_REG_PPC_VR31 - KVM_REG_PPC_VR0"}, use: "KVM_REG_PPC_VR(%s)"},
	{kernel: "powerpc", golang: "RegPPCVsr", numbers: [2]string{"0", "KVM_REG_PPC_VSR31 - KVM_REG_PPC_VSR0"}, use: "KVM_REG_PPC_VSR(%s)"},
	{kernel: "powerpc", golang: "RegPPCTmGPR", numbers: [2]string{"0", "KVM_REG_PPC_TM_GPR31 - KVM_REG_PPC_TM_GPR0"}, use: "KVM_REG_PPC_TM_GPR(%s)"},
	{kernel: "powerpc", golang: "RegPPCTmVsr", numbers: [2]string{"0", "KVM_REG_PPC_TM_VSR63 - KVM_REG_PPC_TM_VSR0"}, use: "KVM_REG_PPC_TM_VSR(%s)"},

	{kernel: "mips", golang: "RegMIPSFPR32_", numbers: [2]string{"0", "31"}, use: "KVM_REG_MIPS_FPR_32(%s)"},
	{kernel: "mips", golang: "RegMIPSFPR64_", numbers: [2]string{"0", "31"}, use: "KVM_REG_MIPS_FPR_64(%s)"},
	{kernel: "mips", golang: "RegMIPSVec128_", numbers: [2]string{"0", "31"}, use: "KVM_REG_MIPS_VEC_128(%s)"},
	{kernel: "mips", golang: "RegMIPSCP0MAAR", numbers: [2]string{"0", "63"}, use: "KVM_REG_MIPS_CP0_MAAR(%s)"},
}

// regValues are numbers that encoders of ids need and that only a macro with
// arguments gives.
var regValues = []struct{ kernel, golang, c string }{
	{"riscv", "RegRISCVVectorRegFirst", "KVM_REG_RISCV_VECTOR_REG(0)"},
}

// regPrelude has what the families take from other headers.
const regPrelude = `#define offsetof(type, member) __builtin_offsetof(type, member)
#define KVM_REG_SIZE_ULONG (sizeof(long) == 8 ? KVM_REG_SIZE_U64 : KVM_REG_SIZE_U32)
`
