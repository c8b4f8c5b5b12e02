package kvm

import "testing"

func TestEncodeRISCVAIA(t *testing.T) {
	var log attrLog
	a := &RISCVAIA{attrs: &log}
	for c, ok := range map[RISCVAIAConfig][]uint32{
		RISCVAIAMode: {0, 2}, RISCVAIAIDs: {63, 127, 2047}, RISCVAIASrcs: {0, 1023}, RISCVAIAGroupBits: {0, 7},
		RISCVAIAGroupShift: {24, 55}, RISCVAIAHartBits: {0, 15}, RISCVAIAGuestBits: {0, 7},
	} {
		for _, v := range ok {
			log.sets(t, a.SetConfig(c, v), 0, uint64(c), u32(v))
		}
		gets(t, &log, func() (uint32, error) { return a.Config(c) }, 0, uint64(c))
		log.refuses(t, a.SetConfig(c, ok[len(ok)-1]+1))
		log.refuses(t, a.SetConfig(c, ok[0]-1))
	}
	log.refuses(t, a.SetConfig(RISCVAIAIDs, 64), "64")
	log.sets(t, a.SetAPLICAddr(0xd000000), 1, 0, u64(0xd000000))
	gets(t, &log, a.APLICAddr, 1, 0)
	log.refuses(t, a.SetAPLICAddr(0x800), "0x800")
	log.sets(t, a.SetIMSICAddr(0, 0x28000000), 1, 1, u64(0x28000000))
	gets(t, &log, func() (uint64, error) { return a.IMSICAddr(16383) }, 1, 16384)
	for _, vcpu := range []int{-1, 16384} {
		log.refuses(t, a.SetIMSICAddr(vcpu, 0))
		log.refuses(t, second(a.IMSICAddr(vcpu)))
	}
	log.refuses(t, a.SetIMSICAddr(0, 1))
	log.sets(t, a.Init(), 2, 0, nil)
	log.sets(t, a.SetAPLICReg(0x3ffc, 9), 3, 0x3ffc, u32(9))
	gets(t, &log, func() (uint32, error) { return a.APLICReg(4) }, 3, 4)
	for _, offset := range []uint32{1, 0x4000, 1 << 31} {
		log.refuses(t, a.SetAPLICReg(offset, 0))
		log.refuses(t, second(a.APLICReg(offset)))
	}
	log.sets(t, a.SetIMSICReg(3, 0xc0, 1<<63), 4, 3<<12|0xc0, u64(1<<63))
	gets(t, &log, func() (uint64, error) { return a.IMSICReg(0, 0x70) }, 4, 0x70)
	for _, isel := range []int{0x6f, 0x100, -1} {
		log.refuses(t, a.SetIMSICReg(0, isel, 0))
		log.refuses(t, second(a.IMSICReg(0, isel)))
	}
	log.refuses(t, second(a.IMSICReg(-1, 0x70)), "-1")
	log.refuses(t, second(a.IMSICReg(16384, 0x70)))
}
