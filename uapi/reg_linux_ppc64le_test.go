package uapi

import "testing"

// The numbers are those of the headers' comments and of api.rst.
func TestRegIDs(t *testing.T) {
	wantIDs(t, map[Reg]uint64{
		RegPPCFPR0.Reg():     0x1030_0000_0000_0020,
		RegPPCFPR31.Reg():    0x1030_0000_0000_003f,
		RegPPCVR5.Reg():      0x1040_0000_0000_0045,
		RegPPCVsr31.Reg():    0x1040_0000_0000_007f,
		RegPPCLpcr.Reg():     0x1020_0000_0000_00b5,
		RegPPCLpcr64.Reg():   0x1030_0000_0000_00b5,
		RegPPCTmGPR31.Reg():  0x1030_0000_8000_001f,
		RegPPCTmVsr63.Reg():  0x1040_0000_8000_005f,
		RegPPCTmXER.Reg():    0x1030_0000_8000_006a,
		RegPPCVPState.Reg():  0x1040_0000_0000_008d,
		RegPPCIcpState.Reg(): 0x1030_0000_0000_008c,
	}, map[Reg]string{
		RegPPCVsr5.Reg():                 "KVM_REG_PPC_VSR(5)",
		RegPPCMas0.Reg():                 "KVM_REG_PPC_MAS0",
		Reg(RegPPC | RegSizeU64 | 0xfff): "KVM_REG_PPC(0xfff)",
	})
}
