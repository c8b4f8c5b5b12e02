package kvm

import (
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestEncodeFLIC(t *testing.T) {
	var log statusLog
	f := &FLIC{attrs: &log}
	irqs := []uapi.S390IRQ{{Type: 1}, {Type: uapi.S390IntService}}
	log.sets(t, f.Enqueue(irqs), 2, 144, sliceBytes(irqs))
	log.refuses(t, f.Enqueue(nil), "0 interrupts")
	log.refuses(t, f.Enqueue(make([]uapi.S390IRQ, uapi.S390MaxFloatIRQs+1)))
	log.sets(t, f.ClearIRQs(), 3, 0, nil)
	log.sets(t, f.APFEnable(), 4, 0, nil)
	log.sets(t, f.APFDisableWait(), 5, 0, nil)
	log.sets(t, f.ClearIOIRQ(0x10001), 8, 4, u32(0x10001))
	log.refuses(t, f.ClearIOIRQ(0))
	adapter := uapi.S390IOAdapter{ID: 7, Isc: 3, Maskable: 1, Flags: uapi.S390AdapterSuppressible}
	log.sets(t, f.AdapterRegister(&adapter), 6, 0, append(u32(7), 3, 1, 0, 1))
	log.refuses(t, f.AdapterRegister(nil))
	log.sets(t, f.AdapterMask(7, true), 7, 0, append(append(u32(7), 1, 1, 0, 0), u64(0)...))
	log.sets(t, f.AdapterMask(7, false), 7, 0, append(append(u32(7), 1, 0, 0, 0), u64(0)...))
	log.sets(t, f.AdapterMap(7, 0x1000), 7, 0, append(append(u32(7), 2, 0, 0, 0), u64(0x1000)...))
	log.sets(t, f.AdapterUnmap(7, 0x1000), 7, 0, append(append(u32(7), 3, 0, 0, 0), u64(0x1000)...))
	log.sets(t, f.AISM(7, 1), 9, 0, append([]byte{7, 0}, u16(1)...))
	log.refuses(t, f.AISM(8, 0))
	log.refuses(t, f.AISM(0, 2))
	log.sets(t, f.AirqInject(9), 10, 9, nil)
	log.sets(t, f.SetAISMAll(&uapi.S390AISAll{Simm: 1, Nimm: 2}), 11, 0, []byte{1, 2})
	gets(t, &log.attrLog, f.AISMAll, 11, 0)
	log.refuses(t, f.SetAISMAll(nil))
}

// A buffer that is too small is followed by a larger one, up to what there can be.
func TestEncodeFLICAllIRQs(t *testing.T) {
	log := statusLog{status: 2}
	log.errs = []error{syscall.ENOMEM}
	f := &FLIC{attrs: &log}
	irqs, err := f.AllIRQs()
	must(t, err)
	if len(irqs) != 2 || len(log.calls) != 2 {
		t.Fatalf("%d interrupts after %d calls", len(irqs), len(log.calls))
	}
	for i, n := range []int{64, 256} {
		if c := log.calls[i]; c.group != 1 || c.attr != uint64(72*n) || len(c.value) != 72*n {
			t.Errorf("call %d: group %d, attribute %d, %d bytes", i, c.group, c.attr, len(c.value))
		}
	}
	for range 20 {
		log.errs = append(log.errs, syscall.ENOMEM)
	}
	log.calls = nil
	_, err = f.AllIRQs()
	wantError(t, err, syscall.ENOMEM)
	if last := log.calls[len(log.calls)-1]; last.attr != 72*uapi.S390MaxFloatIRQs {
		t.Errorf("the last buffer has %d bytes", last.attr)
	}
	log = statusLog{status: 1 << 30}
	if irqs, err = f.AllIRQs(); err != nil || len(irqs) != 64 {
		t.Errorf("%d interrupts in a buffer for 64: %v", len(irqs), err)
	}
}

func TestEncodeS390Attributes(t *testing.T) {
	var log attrLog
	m := S390Mem{&log}
	log.sets(t, m.EnableCMMA(), 0, 0, nil)
	log.sets(t, m.ClearCMMA(), 0, 1, nil)
	log.sets(t, m.SetLimitSize(uapi.S390NoMemLimit), 0, 2, u64(uapi.S390NoMemLimit))
	gets(t, &log, m.LimitSize, 0, 2)
	log.refuses(t, m.SetLimitSize(0))
	tod := S390TOD{&log}
	log.sets(t, tod.SetLow(5), 1, 0, u64(5))
	log.sets(t, tod.SetHigh(5), 1, 1, []byte{5})
	gets(t, &log, tod.Low, 1, 0)
	gets(t, &log, tod.High, 1, 1)
	clock := uapi.S390VMTODClock{EpochIdx: 1, TOD: 2}
	log.sets(t, tod.SetExt(&clock), 1, 2, append([]byte{1, 0, 0, 0, 0, 0, 0, 0}, u64(2)...))
	log.refuses(t, tod.SetExt(nil))
	c := S390Crypto{&log}
	log.sets(t, c.WrapAES(true), 2, 0, nil)
	log.sets(t, c.WrapDEA(true), 2, 1, nil)
	log.sets(t, c.WrapAES(false), 2, 2, nil)
	log.sets(t, c.WrapDEA(false), 2, 3, nil)
	log.sets(t, c.InterpretAP(true), 2, 4, nil)
	log.sets(t, c.InterpretAP(false), 2, 5, nil)
	g := S390Migration{&log}
	log.sets(t, g.Stop(), 4, 0, nil)
	log.sets(t, g.Start(), 4, 1, nil)
	if on, err := g.Status(); !on || err != nil || log.last(t).attr != 2 {
		t.Errorf("migration mode %v, %v", on, err)
	}
	top := S390Topology{&log}
	log.sets(t, top.SetChangePending(true), 5, 1, nil)
	log.sets(t, top.SetChangePending(false), 5, 0, nil)
	if on, err := top.ChangePending(); !on || err != nil || len(log.last(t).value) != 1 {
		t.Errorf("change pending %v, %v", on, err)
	}
}

func TestEncodeS390CPUModel(t *testing.T) {
	var log attrLog
	m := S390CPUModel{&log}
	gets(t, &log, m.Processor, 3, 0)
	gets(t, &log, m.Machine, 3, 1)
	gets(t, &log, m.ProcessorFeat, 3, 2)
	gets(t, &log, m.MachineFeat, 3, 3)
	gets(t, &log, m.ProcessorSubfunc, 3, 4)
	gets(t, &log, m.MachineSubfunc, 3, 5)
	gets(t, &log, m.ProcessorUVFeat, 3, 6)
	gets(t, &log, m.MachineUVFeat, 3, 7)
	p := uapi.S390VMCPUProcessor{CPUID: 1, IBC: 2}
	log.sets(t, m.SetProcessor(&p), 3, 0, bytesOf(&p))
	log.sets(t, m.SetProcessorFeat(&uapi.S390VMCPUFeat{}), 3, 2, make([]byte, 128))
	log.sets(t, m.SetProcessorSubfunc(&uapi.S390VMCPUSubfunc{}), 3, 4, make([]byte, 2048))
	log.sets(t, m.SetProcessorUVFeat(&uapi.S390VMCPUUVFeat{Feat: 1}), 3, 6, u64(1))
	for _, err := range []error{m.SetProcessor(nil), m.SetProcessorFeat(nil), m.SetProcessorSubfunc(nil), m.SetProcessorUVFeat(nil)} {
		log.refuses(t, err, "nil")
	}
}

func TestEncodeNilValue(t *testing.T) {
	var log attrLog
	log.refuses(t, setAttrFrom[uint64](&log, 1, 2, nil), "nil", "2")
}

// statusLog answers with a status too.
type statusLog struct {
	attrLog
	status int
}

func (l *statusLog) attrStatus(group uint32, attr uint64, value []byte) (int, error) {
	return l.status, l.note(false, group, attr, value)
}
