package kvm

import (
	"testing"

	"linuxkvm/uapi"
)

// Each constructor sets its type and the member of the union that goes with it.
// Bytes are the union's, big-endian, of which those not listed are 0.
func TestS390IRQs(t *testing.T) {
	for name, c := range map[string]struct {
		irq   uapi.S390IRQ
		kind  uint64
		words []uint64 // of the union
	}{
		"stop":           {S390SIGPStop(uapi.S390StopFlagStoreStatus), 0xfffe0000, []uint64{1 << 32}},
		"program":        {S390ProgramInt(uapi.S390PgmInfo{TransExcCode: 7, DataExcCode: 1, Code: 5, MonClassNr: 6}), 0xfffe0001, []uint64{7, 0, 0, 1<<32 | 5<<16 | 6}},
		"prefix":         {S390SIGPSetPrefix(0x4000), 0xfffe0002, []uint64{0x4000 << 32}},
		"restart":        {S390Restart(), 0xfffe0003, nil},
		"pfault init":    {S390IntPfaultInit(9), 0xfffe0004, []uint64{0, 9}},
		"pfault done":    {S390IntPfaultDone(9), 0xfffe0005, []uint64{0, 9}},
		"machine check":  {S390Mchk(uapi.S390MchkInfo{CR14: 1, Mcic: 2, FailingStorageAddress: 3, ExtDamageCode: 4}), 0xfffe1000, []uint64{1, 2, 3, 4 << 32}},
		"clock":          {S390IntClockComp(), 0xffff1004, nil},
		"timer":          {S390IntCPUTimer(), 0xffff1005, nil},
		"emergency":      {S390IntEmergency(3), 0xffff1201, []uint64{3 << 48}},
		"external call":  {S390IntExternalCall(3), 0xffff1202, []uint64{3 << 48}},
		"service":        {S390IntService(8), 0xffff2401, []uint64{8 << 32}},
		"virtio":         {S390IntVirtio(8, 9), 0xffff2603, []uint64{8 << 32, 9}},
		"subchannel":     {S390IntIO(false, uapi.S390IOInfo{SubchannelID: 0xfe05, SubchannelNr: 0x1234, IOIntParm: 5, IOIntWord: 6}), 0xfe<<18 | 2<<16 | 0x1234, []uint64{0xfe051234<<32 | 5, 6 << 32}},
		"adapter":        {S390IntIO(true, uapi.S390IOInfo{IOIntWord: 1 << 31}), 0x04000000, []uint64{0, 1 << 63}},
		"largest I/O":    {uapi.S390IRQ{Type: uint64(S390IntIOType(true, 0xff, 0xff, 0xffff))}, 0x07ffffff, nil},
		"plain I/O type": {uapi.S390IRQ{Type: uint64(S390IntIOType(false, 1, 1, 1))}, 1<<18 | 1<<16 | 1, nil},
	} {
		var want [8]uint64
		copy(want[:], c.words)
		if c.irq.Type != c.kind || c.irq.U.Union != want {
			t.Errorf("%s: type %#x, % x; want %#x, % x", name, c.irq.Type, c.irq.U.Union, c.kind, want)
		}
	}
}

func TestS390InterruptArguments(t *testing.T) {
	vm := fakeVM(t)
	v := fakeVCPUOf(t, vm)
	refused(t, v.S390IRQ(nil), "nil")
	refused(t, v.S390Interrupt(nil), "nil")
	refused(t, vm.S390Interrupt(nil), "nil")
	irq := S390Restart()
	reached(t, v.S390IRQ(&irq))
	reached(t, v.S390Interrupt(&uapi.S390Interrupt{Type: uapi.S390Restart}))
	reached(t, vm.S390Interrupt(&uapi.S390Interrupt{Type: uapi.S390IntService}))
	must(t, v.S390SetIRQState(nil))
	reached(t, v.S390SetIRQState([]uapi.S390IRQ{irq}))
	_, err := v.S390IRQState()
	reached(t, err)
}

func TestS390Resets(t *testing.T) {
	v := fakeVCPUOf(t, fakeVM(t))
	for _, reset := range []func() error{v.S390NormalReset, v.S390InitialReset, v.S390ClearReset} {
		reached(t, reset())
	}
	reached(t, v.S390SetInitialPSW(uapi.S390PSW{}))
	reached(t, v.S390StoreStatus(uapi.S390StoreStatusNoaddr))
	reached(t, v.S390VCPUFault(0))
}
