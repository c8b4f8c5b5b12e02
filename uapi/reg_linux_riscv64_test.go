package uapi

import "testing"

// The numbers are those of api.rst.
func TestRegIDs(t *testing.T) {
	wantIDs(t, map[Reg]uint64{
		RegRISCVConfigISA.Reg():                    0x8030_0000_0100_0000,
		RegRISCVCorePC.Reg():                       0x8030_0000_0200_0000,
		RegRISCVCoreMode.Reg():                     0x8030_0000_0200_0020,
		RegRISCVCSRSstatus.Reg():                   0x8030_0000_0300_0000,
		RegRISCVCSRAIASiselect.Reg():               0x8030_0000_0301_0000,
		RegRISCVCSRSmstateenSstateen0.Reg():        0x8030_0000_0302_0000,
		RegRISCVTimerState.Reg():                   0x8030_0000_0400_0003,
		RegRISCVFPFF31.Reg():                       0x8020_0000_0500_001f,
		RegRISCVFPFFCSR.Reg():                      0x8020_0000_0500_0020,
		RegRISCVFPDF31.Reg():                       0x8030_0000_0600_001f,
		RegRISCVFPDFCSR.Reg():                      0x8020_0000_0600_0020,
		RegRISCVVectorCSRVstart.Reg():              0x8030_0000_0900_0000,
		RegRISCVVectorCSRVlenb.Reg():               0x8030_0000_0900_0004,
		RegRISCVVectorReg[[2]uint64](0).Reg():      0x8040_0000_0900_0006,
		RegRISCVVectorReg[[32]byte](31).Reg():      0x8050_0000_0900_0025,
		RegRISCVISASingleReg(RISCVISAExtH).Reg():   uint64(RegRISCVISAExtH),
		RegRISCVSBISingleReg(RISCVSBIExtSta).Reg(): uint64(RegRISCVSBIExtSta),
		RegRISCVISAMultiDis1.Reg():                 0x8030_0000_0702_0001,
		RegRISCVSBIFwftPointerMaskingValue.Reg():   0x8030_0000_0a01_0005,
	}, map[Reg]string{
		RegRISCVCoreA7.Reg():                    "KVM_REG_RISCV_CORE_REG(regs.a7)",
		RegRISCVISAExtSstc.Reg():                "KVM_REG_RISCV_ISA_SINGLE | KVM_RISCV_ISA_EXT_SSTC",
		RegRISCVVectorReg[[64]byte](5).Reg():    "KVM_REG_RISCV_VECTOR_REG(0x5)",
		RegRISCVISASingleReg(999).Reg():         "KVM_REG_RISCV_ISA_SINGLE(0x3e7)",
		Reg(RegRISCV | RegSizeU64 | 0xee000000): "Reg(0x80300000ee000000)",
	})
}
