package kvm

import (
	"math"
	"slices"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestPMUEvents(t *testing.T) {
	for name, c := range map[string]struct{ got, want uint64 }{
		"event":          {PMUEvent(0xc4, 0x20), 0x20c4},
		"12-bit select":  {PMUEvent(0xfc4, 0x20), 0xf_0000_20c4},
		"beyond 12 bits": {PMUEvent(0xffff, 0), 0xf_0000_00ff},
		"masked":         {PMUMaskedEvent(0xc4, 0xf0, 0x20, false), 0xf000_0000_0000_20c4},
		"excluded":       {PMUMaskedEvent(0x1c4, 0xff, 0x01, true), 0xff80_0001_0000_01c4},
	} {
		if c.got != c.want {
			t.Errorf("%s: %#x, want %#x", name, c.got, c.want)
		}
	}
	all := PMUMaskedEvent(math.MaxUint16, math.MaxUint8, math.MaxUint8, true)
	if want := uint64(uapi.PMUMaskedEntryEventSelect | uapi.PMUMaskedEntryUmaskMask | uapi.PMUMaskedEntryUmaskMatch | uapi.PMUMaskedEntryExclude); all != want {
		t.Errorf("a masked event uses the bits %#x, want the kernel's %#x", all, want)
	}
}

func TestPMUEventFilterBuffer(t *testing.T) {
	f := PMUEventFilter{Action: uapi.PMUEventDeny, FixedCounterBitmap: 5, Flags: 1, Events: []uint64{7, 8}}
	b := f.buffer()
	if h := b.Header(); h.Action != 1 || h.FixedCounterBitmap != 5 || h.Flags != 1 || h.Nevents != 2 || !slices.Equal(b.Entries(), f.Events) {
		t.Errorf("%+v, %v", *h, b.Entries())
	}
}

func TestSetPMUEventFilter(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapPMUEventFilter, "5.3")
	instructions := PMUEvent(0xc0, 0)
	for _, f := range []PMUEventFilter{
		{},
		{Action: uapi.PMUEventDeny},
		{Action: uapi.PMUEventAllow, FixedCounterBitmap: 1, Events: []uint64{instructions}},
		{Action: uapi.PMUEventDeny, FixedCounterBitmap: math.MaxUint32, Events: slices.Repeat([]uint64{instructions}, 300)},
	} {
		if err := vm.SetPMUEventFilter(&f); err != nil {
			t.Errorf("%d events, action %d: %v", len(f.Events), f.Action, err)
		}
	}
	wantError(t, vm.SetPMUEventFilter(nil), ErrInvalid, "KVM_SET_PMU_EVENT_FILTER", "PMUEventDeny")
	wantError(t, vm.SetPMUEventFilter(&PMUEventFilter{Action: 2}), syscall.EINVAL)
	wantError(t, vm.SetPMUEventFilter(&PMUEventFilter{Flags: 1 << 31}), syscall.EINVAL)
	wantError(t, vm.SetPMUEventFilter(&PMUEventFilter{Events: make([]uint64, 301)}), syscall.E2BIG)
	wantError(t, vm.SetPMUEventFilter(&PMUEventFilter{Events: make([]uint64, maxElements+1)}), ErrInvalid)
	must(t, vm.Close())
	wantError(t, vm.SetPMUEventFilter(&PMUEventFilter{}), ErrClosed)
}

func TestSetPMUEventFilterMasked(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapPMUEventMaskedEvents, "6.3")
	masked := func(events ...uint64) error {
		return vm.SetPMUEventFilter(&PMUEventFilter{Flags: uapi.PMUEventFlagMaskedEvents, Events: events})
	}
	must(t, masked(PMUMaskedEvent(0, 0xff, 0, false), PMUMaskedEvent(0, 0xff, 1, true)))
	wantError(t, masked(1<<20), syscall.EINVAL) // bits 31 to 16 mean nothing
	needProcessor(t)                            // a module without a PMU knows no event selects
	must(t, masked(PMUMaskedEvent(0xc0, 0, 0, false)))
}
