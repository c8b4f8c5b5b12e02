package uapi

import "testing"

func TestRegIDs(t *testing.T) {
	wantIDs(t, map[Reg]uint64{
		RegX86MSR(0xc0000080).Reg(): 0x2030_0002_c000_0080,
		RegX86GuestSSP.Reg():        0x2030_0003_0000_0000,
	}, map[Reg]string{
		RegX86MSR(0xc0000080).Reg(): "KVM_X86_REG_MSR(0xc0000080)",
		RegX86GuestSSP.Reg():        "KVM_REG_GUEST_SSP",
	})
}
