package uapi

import "testing"

// The numbers are those of api.rst.
func TestRegIDs(t *testing.T) {
	wantIDs(t, map[Reg]uint64{
		RegMIPSR31.Reg():            0x7030_0000_0000_001f,
		RegMIPSPC.Reg():             0x7030_0000_0000_0022,
		RegMIPSCP0U32(12, 0).Reg():  0x7020_0000_0001_0060, // Status
		RegMIPSCP0U64(10, 0).Reg():  0x7030_0000_0001_0050, // EntryHi
		RegMIPSCP0MAAR3.Reg():       0x7030_0000_0001_0103,
		RegMIPSCountHz.Reg():        0x7030_0000_0002_0002,
		RegMIPSFPR32_31.Reg():       0x7020_0000_0003_001f,
		RegMIPSFPR64_0.Reg():        0x7030_0000_0003_0000,
		RegMIPSVec128_7.Reg():       0x7040_0000_0003_0007,
		RegMIPSFCRCSR.Reg():         0x7020_0000_0003_011f,
		RegMIPSMSACSR.Reg():         0x7020_0000_0003_0201,
		RegMIPSCP0U32(255, 9).Reg(): 0x7020_0000_0001_00f9,
	}, map[Reg]string{
		RegMIPSR31.Reg():           "KVM_REG_MIPS_R31",
		RegMIPSCP0U32(12, 1).Reg(): "KVM_REG_MIPS_CP0(0xc, 0x1)",
		RegMIPSVec128_7.Reg():      "KVM_REG_MIPS_VEC_128(7)",
		RegMIPSFPR64_0.Reg():       "KVM_REG_MIPS_FPR_64(0)",
	})
}
