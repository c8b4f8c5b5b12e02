package main

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"strings"
)

// sysregs are the names of arm64's system registers that KVM lists, as the
// processor's manual spells them. The headers have an encoder for them and no
// names; the assembler knows each one's encoding. (Timer registers that the
// headers name are not here: two of those have the other's encoding.)
const sysregs = `
	MDCCINT_EL1 MDSCR_EL1 OSLSR_EL1 OSDLR_EL1 DBGPRCR_EL1 DBGCLAIMSET_EL1 DBGAUTHSTATUS_EL1
	MIDR_EL1 MPIDR_EL1 REVIDR_EL1 AIDR_EL1
	ID_PFR0_EL1 ID_PFR1_EL1 ID_PFR2_EL1 ID_DFR0_EL1 ID_DFR1_EL1 ID_AFR0_EL1 ID_MMFR0_EL1 ID_MMFR1_EL1 ID_MMFR2_EL1 ID_MMFR3_EL1 ID_MMFR4_EL1 ID_MMFR5_EL1
	ID_ISAR0_EL1 ID_ISAR1_EL1 ID_ISAR2_EL1 ID_ISAR3_EL1 ID_ISAR4_EL1 ID_ISAR5_EL1 ID_ISAR6_EL1 MVFR0_EL1 MVFR1_EL1 MVFR2_EL1
	ID_AA64PFR0_EL1 ID_AA64PFR1_EL1 ID_AA64PFR2_EL1 ID_AA64ZFR0_EL1 ID_AA64SMFR0_EL1 ID_AA64DFR0_EL1 ID_AA64DFR1_EL1 ID_AA64AFR0_EL1 ID_AA64AFR1_EL1
	ID_AA64ISAR0_EL1 ID_AA64ISAR1_EL1 ID_AA64ISAR2_EL1 ID_AA64MMFR0_EL1 ID_AA64MMFR1_EL1 ID_AA64MMFR2_EL1 ID_AA64MMFR3_EL1 ID_AA64MMFR4_EL1
	SCTLR_EL1 SCTLR2_EL1 ACTLR_EL1 CPACR_EL1 RGSR_EL1 GCR_EL1 ZCR_EL1 TRFCR_EL1 SMPRI_EL1 SMCR_EL1
	TTBR0_EL1 TTBR1_EL1 TCR_EL1 TCR2_EL1
	APIAKeyLo_EL1 APIAKeyHi_EL1 APIBKeyLo_EL1 APIBKeyHi_EL1 APDAKeyLo_EL1 APDAKeyHi_EL1 APDBKeyLo_EL1 APDBKeyHi_EL1 APGAKeyLo_EL1 APGAKeyHi_EL1
	SPSR_EL1 ELR_EL1 ICC_PMR_EL1 AFSR0_EL1 AFSR1_EL1 ESR_EL1 TFSR_EL1 TFSRE0_EL1 FAR_EL1 PAR_EL1
	PMINTENSET_EL1 PMINTENCLR_EL1 PMMIR_EL1 MAIR_EL1 MAIR2_EL1 PIRE0_EL1 PIR_EL1 POR_EL1 S2POR_EL1 AMAIR_EL1 AMAIR2_EL1 VBAR_EL1 DISR_EL1
	ICC_BPR0_EL1 ICC_AP0R0_EL1 ICC_AP0R1_EL1 ICC_AP0R2_EL1 ICC_AP0R3_EL1 ICC_AP1R0_EL1 ICC_AP1R1_EL1 ICC_AP1R2_EL1 ICC_AP1R3_EL1 ICC_BPR1_EL1 ICC_CTLR_EL1 ICC_SRE_EL1 ICC_IGRPEN0_EL1 ICC_IGRPEN1_EL1
	CONTEXTIDR_EL1 TPIDR_EL1 SCXTNUM_EL1 CNTKCTL_EL1 CCSIDR_EL1 CLIDR_EL1 SMIDR_EL1 CSSELR_EL1 CTR_EL0 DCZID_EL0 SVCR
	PMCR_EL0 PMCNTENSET_EL0 PMCNTENCLR_EL0 PMOVSCLR_EL0 PMSELR_EL0 PMCEID0_EL0 PMCEID1_EL0 PMCCNTR_EL0 PMUSERENR_EL0 PMOVSSET_EL0 PMCCFILTR_EL0
	POR_EL0 TPIDR_EL0 TPIDRRO_EL0 TPIDR2_EL0 SCXTNUM_EL0 CNTFRQ_EL0 CNTPOFF_EL2 CNTVOFF_EL2
	VPIDR_EL2 VMPIDR_EL2 SCTLR_EL2 ACTLR_EL2 SCTLR2_EL2 HCR_EL2 MDCR_EL2 CPTR_EL2 HSTR_EL2 HFGRTR_EL2 HFGWTR_EL2 HFGITR_EL2 HACR_EL2 ZCR_EL2 HCRX_EL2
	TTBR0_EL2 TTBR1_EL2 TCR_EL2 TCR2_EL2 VTTBR_EL2 VTCR_EL2 VNCR_EL2 DACR32_EL2 HDFGRTR_EL2 HDFGWTR_EL2 HAFGRTR_EL2 SPSR_EL2 ELR_EL2 SP_EL1 IFSR32_EL2 AFSR0_EL2 AFSR1_EL2 ESR_EL2 FPEXC32_EL2 FAR_EL2 HPFAR_EL2 MAIR_EL2 PIRE0_EL2 PIR_EL2 POR_EL2 AMAIR_EL2 VBAR_EL2 RVBAR_EL2 RMR_EL2
	ICH_HCR_EL2 ICC_SRE_EL2 ICH_VMCR_EL2 ICH_VTR_EL2 CONTEXTIDR_EL2 TPIDR_EL2 CNTHCTL_EL2 CNTHP_CTL_EL2 CNTHP_CVAL_EL2 CNTHV_CTL_EL2 CNTHV_CVAL_EL2 VDISR_EL2 VSESR_EL2 SP_EL2
`

// sysregNames are all the names, with those that are numbered.
func sysregNames() []string {
	var names []string
	for n := range 16 {
		for _, kind := range []string{"BVR", "BCR", "WVR", "WCR"} {
			names = append(names, fmt.Sprintf("DBG%s%d_EL1", kind, n))
		}
	}
	names = append(names, strings.Fields(sysregs)...)
	for n := range 31 {
		names = append(names, fmt.Sprintf("PMEVCNTR%d_EL0", n), fmt.Sprintf("PMEVTYPER%d_EL0", n))
	}
	return names
}

// sysregFamily asks the assembler for the encodings, and the header's macro for
// what ids they make.
func (c *compiler) sysregFamily(ctx context.Context, row regRow) ([]register, error) {
	names := sysregNames()
	words, err := c.assemble(ctx, names)
	if err != nil {
		return nil, err
	}
	var list []register
	for i, name := range names {
		op := words[i] >> 5 // of MRS: the five numbers, down to the register it reads into
		use := fmt.Sprintf("ARM64_SYS_REG(%d, %d, %d, %d, %d)", op>>14&3, op>>11&7, op>>7&15, op>>3&15, op&7)
		list = append(list, register{c: name, golang: row.golang + strings.ToUpper(strings.ReplaceAll(name, "_", "")), expr: use})
	}
	return list, c.values(ctx, list)
}

// assemble returns the instructions that read the registers.
func (c *compiler) assemble(ctx context.Context, names []string) ([]uint32, error) {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "__asm__(\"mrs x0, %s\");\n", name)
	}
	path, err := c.object(ctx, b.String(), "-march=armv9.4-a+sme+memtag")
	if err != nil {
		return nil, err
	}
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := f.Section(".text").Data()
	if err != nil {
		return nil, err
	}
	const mrs, mrsMask = 0xd5300000, 0xfff0001f // into x0
	words := make([]uint32, len(names))
	for i := range words {
		if len(text) < 4*i+4 || binary.LittleEndian.Uint32(text[4*i:])&mrsMask != mrs {
			return nil, fmt.Errorf("what was assembled of %s does not read it", names[i])
		}
		words[i] = binary.LittleEndian.Uint32(text[4*i:])
	}
	return words, nil
}
