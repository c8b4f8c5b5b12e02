package kvm

import (
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

// A message that a guest's local APIC accepts: vector 0x51 for APIC 0.
const (
	testMSIAddr = 0xfee00000
	testMSIData = 0x51
)

// requested reports whether the vCPU's local APIC has the test's vector pending.
func requested(t *testing.T, v *VCPU) bool {
	t.Helper()
	lapic, err := v.LAPIC()
	must(t, err)
	const vector = testMSIData
	return lapic.Reg(APICRequest+vector/32*0x10)&(1<<(vector%32)) != 0
}

// newMSIGuest is a VM with a vCPU whose local APIC is switched on.
func newMSIGuest(t *testing.T) (*VM, *VCPU) {
	t.Helper()
	vm := newIRQChipVM(t)
	v := newTestVCPU(t, vm)
	lapic, err := v.LAPIC()
	must(t, err)
	lapic.SetReg(APICSpurious, 0x1ff)
	must(t, v.SetLAPIC(&lapic))
	return vm, v
}

func TestSignalMSI(t *testing.T) {
	vm, v := newMSIGuest(t)
	needCap(t, vm, uapi.CapSignalMSI, "3.5")
	msi := uapi.MSI{AddressLo: testMSIAddr, Data: testMSIData}
	delivered, err := vm.SignalMSI(&msi)
	must(t, err)
	if !delivered || !requested(t, v) {
		t.Errorf("delivered=%v, in the request register=%v", delivered, requested(t, v))
	}
	msi.Flags = 1 << 31
	_, err = vm.SignalMSI(&msi)
	wantError(t, err, syscall.EINVAL, "KVM_SIGNAL_MSI")
	_, err = vm.SignalMSI(nil)
	wantError(t, err, ErrInvalid)
}

func TestGSIRoutingLeadsAMessage(t *testing.T) {
	vm, v := newMSIGuest(t)
	needCap(t, vm, uapi.CapIRQRouting, "2.6.30")
	var routes GSIRoutes
	routes.Default()
	if n := routes.Len(); n != 16+24 {
		t.Errorf("the default table has %d routes, want 40", n)
	}
	routes.MSI(100, testMSIAddr, testMSIData)
	must(t, vm.SetGSIRouting(&routes))
	must(t, vm.IRQLine(100, true))
	if !requested(t, v) {
		t.Error("raising GSI 100 sent no message")
	}
}

func TestGSIRoutingRefusals(t *testing.T) {
	vm := newIRQChipVM(t)
	wantError(t, vm.SetGSIRouting(nil), ErrInvalid)
	must(t, vm.SetGSIRouting(&GSIRoutes{}))
	var routes GSIRoutes
	routes.IRQChip(0, 99, 0)
	wantError(t, vm.SetGSIRouting(&routes), syscall.EINVAL, "KVM_SET_GSI_ROUTING")
	var huge GSIRoutes
	for i := range uint32(5000) {
		huge.MSI(i, testMSIAddr, testMSIData)
	}
	if err := vm.SetGSIRouting(&huge); err == nil {
		t.Error("KVM took 5000 routes")
	}
	// Needs a synthetic interrupt controller, and Xen's interface: KVM must be
	// asked in the right form for it to refuse.
	var special GSIRoutes
	special.HVSint(1, 0, 2)
	special.XenEvtchn(2, 5, 0, uapi.IRQRoutingXenEvtchnPrio2Level)
	special.MSIDevice(3, testMSIAddr, testMSIData, 7)
	if special.Len() != 3 {
		t.Errorf("%d routes, want 3", special.Len())
	}
}

func TestIrqfdInjects(t *testing.T) {
	vm, v := newMSIGuest(t)
	needCap(t, vm, uapi.CapIRQFD, "2.6.32")
	var routes GSIRoutes
	routes.MSI(5, testMSIAddr, testMSIData)
	must(t, vm.SetGSIRouting(&routes))
	e := newTestEventFD(t)
	must(t, vm.Irqfd(e, 5))
	wantError(t, vm.Irqfd(e, 6), syscall.EBUSY, "KVM_IRQFD")
	must(t, e.Signal())
	eventually(t, "the message", func() bool { return requested(t, v) })
	must(t, vm.DeassignIrqfd(e, 5))
	must(t, e.Signal())
	if n, err := e.Take(); n != 1 || err != nil {
		t.Errorf("after DeassignIrqfd the count is %d, %v; want 1: nobody takes it", n, err)
	}
}

func TestIrqfdSurvivesCloseOfItsEventFD(t *testing.T) {
	vm, _ := newMSIGuest(t)
	e, err := NewEventFD()
	must(t, err)
	must(t, vm.Irqfd(e, 5))
	must(t, e.Close())
	wantError(t, vm.Irqfd(e, 6), ErrClosed)
	wantError(t, vm.DeassignIrqfd(e, 5), ErrClosed)
}

func TestIrqfdResample(t *testing.T) {
	vm, _ := newMSIGuest(t)
	needCap(t, vm, uapi.CapIRQFDResample, "3.7")
	e, resample := newTestEventFD(t), newTestEventFD(t)
	wantError(t, vm.IrqfdResample(e, nil, 10), ErrInvalid)
	must(t, vm.IrqfdResample(e, resample, 10))
	must(t, e.Signal())
	eventually(t, "the level of pin 10", func() bool {
		ioapic, err := vm.IOAPIC()
		must(t, err)
		return ioapic.IRR&(1<<10) != 0
	})
	must(t, vm.DeassignIrqfd(e, 10))
}

func TestIrqfdNeedsAController(t *testing.T) {
	vm := newTestVM(t)
	if err := vm.Irqfd(newTestEventFD(t), 0); err == nil {
		t.Error("an irqfd without an interrupt controller")
	}
}

func TestIOEventfdPIO(t *testing.T) {
	vm, v, _ := newGuest(t,
		0xb0, 0x07, // mov al, 7
		0xe6, 0x60, // out 0x60, al: matches
		0xb0, 0x08, // mov al, 8
		0xe6, 0x60, // out 0x60, al: does not
	)
	needCap(t, vm, uapi.CapIoeventfd, "2.6.32")
	e := newTestEventFD(t)
	at := IOEvent{Addr: 0x60, PIO: true, Len: 1, Match: true, Datamatch: 7}
	must(t, vm.IOEventfd(e, at))
	wantError(t, vm.IOEventfd(e, at), syscall.EEXIST, "KVM_IOEVENTFD")
	runUntil(t, v, uapi.ExitIO)
	if n, err := e.Take(); n != 1 || err != nil {
		t.Errorf("count %d, %v; want 1", n, err)
	}
	if regs, err := v.Regs(); err != nil || regs.RAX&0xff != 8 {
		t.Errorf("the exit came with AL %#x, want the write of 8", regs.RAX)
	}
	must(t, vm.DeassignIOEventfd(e, at))
	wantError(t, vm.DeassignIOEventfd(e, at), syscall.ENOENT)
}

// A GSI that leads to two messages, or twice to one pin, is refused, and the routes
// that were there stay.
func TestBadInputRoutesTwice(t *testing.T) {
	vm := newIRQChipVM(t)
	var twice GSIRoutes
	twice.IRQChip(1, uapi.IRQChipIOAPIC, 1)
	twice.IRQChip(1, uapi.IRQChipIOAPIC, 2)
	wantError(t, vm.SetGSIRouting(&twice), syscall.EINVAL, "KVM_SET_GSI_ROUTING")
	var messages GSIRoutes
	messages.MSI(1, testMSIAddr, testMSIData)
	messages.MSI(1, testMSIAddr, testMSIData+1)
	wantError(t, vm.SetGSIRouting(&messages), syscall.EINVAL, "KVM_SET_GSI_ROUTING")
	must(t, vm.IRQLine(4, true))
	pic, err := vm.PIC(uapi.IRQChipPICMaster)
	must(t, err)
	if pic.IRR&(1<<4) == 0 {
		t.Error("GSI 4 leads nowhere after routes were refused")
	}
}
