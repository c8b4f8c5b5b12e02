package kvm

import "testing"

func TestEncodeLoongarchDevices(t *testing.T) {
	var log attrLog
	i := &LoongarchIPI{attrs: &log}
	log.sets(t, i.SetReg(3, LoongarchIPIEnable, 7), 0x40000001, 3<<16|4, u32(7))
	gets(t, &log, func() (uint32, error) { return i.Reg(1023, LoongarchIPIClear) }, 0x40000001, 1023<<16|0xc)
	log.sets(t, i.SetMailbox(1, 3, 7), 0x40000001, 1<<16|0x38, u64(7))
	gets(t, &log, func() (uint64, error) { return i.Mailbox(0, 0) }, 0x40000001, 0x20)
	log.refuses(t, i.SetReg(0, 2, 0))
	log.refuses(t, second(i.Reg(0, 0x20)), "0x20")
	log.refuses(t, second(i.Reg(-1, 0)))
	log.refuses(t, i.SetReg(1024, 0, 0))
	log.refuses(t, second(i.Mailbox(0, 4)))
	log.refuses(t, i.SetMailbox(0, -1, 0))

	e := &LoongarchEIOINTC{attrs: &log}
	log.sets(t, e.InitNumCPU(4), 0x40000004, 0, u32(4))
	log.refuses(t, e.InitNumCPU(0))
	log.refuses(t, e.InitNumCPU(257), "256")
	log.sets(t, e.InitFeature(1), 0x40000004, 1, u32(1))
	log.sets(t, e.LoadFinished(), 0x40000004, 3, nil)
	log.sets(t, e.SetReg(255, 0x4b8, 7), 0x40000002, 255<<16|0x4b8, u32(7))
	gets(t, &log, func() (uint32, error) { return e.Reg(0, 0xa0) }, 0x40000002, 0xa0)
	for _, vcpu := range []int{-1, 256, 1 << 20} {
		log.refuses(t, e.SetReg(vcpu, 0, 0))
		log.refuses(t, second(e.Reg(vcpu, 0)))
	}
	log.refuses(t, second(e.Reg(0, 2)))
	log.sets(t, e.SetSWStatus(LoongarchEIOINTCState, 5), 0x40000003, 2, u32(5))
	gets(t, &log, func() (uint32, error) { return e.SWStatus(LoongarchEIOINTCFeature) }, 0x40000003, 1)
	log.refuses(t, e.SetSWStatus(LoongarchEIOINTCNumCPU, 257))

	p := &LoongarchPCHPIC{attrs: &log}
	log.sets(t, p.Init(0x10000000), 0x40000006, 0, u64(0x10000000))
	log.sets(t, p.SetReg(0x20, 7), 0x40000005, 0x20, u64(7))
	gets(t, &log, func() (uint64, error) { return p.Reg(0x3e0) }, 0x40000005, 0x3e0)
	log.refuses(t, p.SetReg(0x100, 0), "one byte")
	log.refuses(t, second(p.Reg(0x23f)))
	log.refuses(t, second(p.Reg(0x21)))
	log.sets(t, p.SetRoute(63, 1), 0x40000005, 0x13f, []byte{1})
	log.sets(t, p.SetVector(0, 9), 0x40000005, 0x200, []byte{9})
	gets(t, &log, func() (uint8, error) { return p.Route(1) }, 0x40000005, 0x101)
	gets(t, &log, func() (uint8, error) { return p.Vector(63) }, 0x40000005, 0x23f)
	log.refuses(t, second(p.Vector(64)))
	log.refuses(t, p.SetRoute(-1, 0))

	m := &LoongarchDMSINTC{attrs: &log}
	log.sets(t, m.SetMsgAddrBase(0x2ff00000), 0x40000007, 0, u64(0x2ff00000))
	log.sets(t, m.SetMsgAddrSize(0x100000), 0x40000007, 1, u64(0x100000))
	log.refuses(t, m.SetMsgAddrBase(0x10))
}

func TestEncodeLoongarchAttributes(t *testing.T) {
	var log attrLog
	c := LoongarchCPUCFG{&log}
	gets(t, &log, func() (uint64, error) { return c.Mask(2) }, 0, 2)
	log.sets(t, c.SetKVMFeatures(3), 0, 0x40000004, u64(3))
	p := LoongarchPVTime{&log}
	log.sets(t, p.SetGPA(0x1001), 1, 0, u64(0x1001))
	gets(t, &log, p.GPA, 1, 0)
}
