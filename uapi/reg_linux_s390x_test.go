package uapi

import "testing"

func TestRegIDs(t *testing.T) {
	wantIDs(t, map[Reg]uint64{
		RegS390Todpr.Reg(): 0x5020_0000_0000_0001,
		RegS390Gbea.Reg():  0x5030_0000_0000_0009,
	}, map[Reg]string{
		RegS390CPUTimer.Reg():            "KVM_REG_S390_CPU_TIMER",
		Reg(RegS390 | RegSizeU64 | 0x7f): "KVM_REG_S390(0x7f)",
	})
}
