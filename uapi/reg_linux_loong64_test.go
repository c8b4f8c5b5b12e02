package uapi

import "testing"

func TestRegIDs(t *testing.T) {
	wantIDs(t, map[Reg]uint64{
		RegLoongarchCounter.Reg():         0x9030_0000_0002_0001,
		RegLoongarchLBTSCR0.Reg():         0x9030_0000_0005_0001,
		RegLoongarchCSRReg(0x181).Reg():   0x9030_0000_0001_0c08,
		RegLoongarchCPUCFGReg(2).Reg():    0x9030_0000_0004_0010,
		RegLoongarchCSRReg(1 << 15).Reg(): 0x9030_0000_0001_0000,
	}, map[Reg]string{
		RegLoongarchCounter.Reg():       "KVM_REG_LOONGARCH_COUNTER",
		RegLoongarchCSRReg(0x181).Reg(): "KVM_IOC_CSRID(0x181)",
		RegLoongarchCPUCFGReg(2).Reg():  "KVM_IOC_CPUCFG(0x2)",
	})
}
