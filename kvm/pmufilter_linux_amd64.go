package kvm

import "linuxkvm/uapi"

// PMUEventFilter says which events the guest may count.
type PMUEventFilter struct {
	// Action is uapi.PMUEventAllow, to allow what the filter names and nothing
	// else, or uapi.PMUEventDeny, for the opposite.
	Action uint32
	// FixedCounterBitmap names the fixed counters, by number, and counts more than
	// Events for them. It is always used: 0 with PMUEventAllow denies them all.
	FixedCounterBitmap uint32
	// Flags is 0 for Events made by PMUEvent, and uapi.PMUEventFlagMaskedEvents
	// for those made by PMUMaskedEvent (KVM_CAP_PMU_EVENT_MASKED_EVENTS, Linux 6.3).
	Flags uint32
	// Events are those of the general-purpose counters, 300 at most.
	Events []uint64
}

// PMUEvent is one event with one unit mask. Event selects have 12 bits on AMD, 8
// on Intel.
func PMUEvent(eventSelect uint16, unitMask uint8) uint64 {
	return pmuEventSelect(eventSelect) | uint64(unitMask)<<8
}

// PMUMaskedEvent is one event with every unit mask for which unitMask&mask is
// match. exclude takes such unit masks out of what the filter's other entries for
// the event name.
func PMUMaskedEvent(eventSelect uint16, mask, match uint8, exclude bool) uint64 {
	e := pmuEventSelect(eventSelect) | uint64(match)<<8 | uint64(mask)<<uapi.PMUMaskedEntryUmaskMaskShift
	if exclude {
		e |= uapi.PMUMaskedEntryExclude
	}
	return e
}

// pmuEventSelect puts the low 8 bits at the bottom and the next 4 at bit 32.
func pmuEventSelect(s uint16) uint64 {
	return uint64(s&0xff) | uint64(s>>8&0xf)<<32
}

// SetPMUEventFilter replaces the filter of the VM. E2BIG means too many events,
// EINVAL a wrong Action or Flags, or bits in an event that have no meaning
// there.
//
// ioctl: KVM_SET_PMU_EVENT_FILTER (vm) · cap: KVM_CAP_PMU_EVENT_FILTER · arch: x86 · since: Linux 5.3 · doc: virt/kvm/api.rst "KVM_SET_PMU_EVENT_FILTER"
func (vm *VM) SetPMUEventFilter(f *PMUEventFilter) error {
	if f == nil {
		return invalid("%v: nil filter; to allow everything deny nothing: PMUEventFilter{Action: uapi.PMUEventDeny}", uapi.IoctlVMSetPMUEventFilter)
	}
	if len(f.Events) > maxElements {
		return invalid("%v: %d events", uapi.IoctlVMSetPMUEventFilter, len(f.Events))
	}
	_, err := ioctlBuffer(vm.c().fd, uapi.IoctlVMSetPMUEventFilter, f.buffer().Pointer())
	if f.Flags&uapi.PMUEventFlagMaskedEvents != 0 {
		err = explain(err, vm, uapi.CapPMUEventMaskedEvents, "6.3")
	}
	return explain(err, vm, uapi.CapPMUEventFilter, "5.3")
}

func (f *PMUEventFilter) buffer() *uapi.PMUEventFilterBuffer {
	b := uapi.NewPMUEventFilterBuffer(len(f.Events))
	h := b.Header()
	h.Action, h.FixedCounterBitmap, h.Flags = f.Action, f.FixedCounterBitmap, f.Flags
	copy(b.Entries(), f.Events)
	return b
}
