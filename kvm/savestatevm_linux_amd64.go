package kvm

import (
	"errors"
	"syscall"

	"linuxkvm/uapi"
)

// VMState is what KVM holds of a VM beside its vCPUs and its memory. Pointers are nil
// for what the VM does not have in the kernel.
type VMState struct {
	StateHeader
	PIC    *[2]uapi.PICState // master and slave
	IOAPIC *uapi.IOAPICState
	PIT    *uapi.PITState2
	// Clock is kvmclock. RestoreState has it go on from Clock.Clock. A caller who
	// wants it to have gone on meanwhile sets it afterwards, with ClockRealtime in
	// its Flags: see SetClock.
	Clock *uapi.ClockData
	Xen   *XenVMState
}

func (s *VMState) fields() []stateField {
	return []stateField{
		optionalField("pic", &s.PIC),
		optionalField("ioapic", &s.IOAPIC),
		optionalField("pit2", &s.PIT),
		optionalField("clock", &s.Clock),
		optionalField("xen", &s.Xen),
	}
}

func (vm *VM) saveState(s *VMState, _ []StatePart) error {
	for _, step := range []struct {
		part string
		do   func() error
	}{
		{"pit2", func() error { return ifThere(&s.PIT, vm.PIT2) }},
		{"pic", func() error { return ifThere(&s.PIC, vm.pics) }},
		{"ioapic", func() error { return ifThere(&s.IOAPIC, vm.IOAPIC) }},
		{"clock", func() error { return ifSupported(&s.Clock, vm.Clock) }},
		{"xen", func() error { return vm.saveXen(s) }},
	} {
		if err := step.do(); err != nil {
			return inState(step.part, err)
		}
	}
	return nil
}

// ifThere reads what the VM may not have.
func ifThere[T any](to **T, get func() (T, error)) error {
	value, err := get()
	switch {
	case errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.EINVAL), errors.Is(err, ErrNotSupported):
		return nil
	case err != nil:
		return err
	}
	*to = &value
	return nil
}

func (vm *VM) pics() (pics [2]uapi.PICState, err error) {
	if pics[0], err = vm.PIC(uapi.IRQChipPICMaster); err != nil {
		return pics, err
	}
	pics[1], err = vm.PIC(uapi.IRQChipPICSlave)
	return pics, err
}

// restoreState sets the clock first, which the others count on, and the timer last: it
// begins to tick.
func (vm *VM) restoreState(s *VMState, _ []StatePart) error {
	if err := vm.checkShape(s); err != nil {
		return err
	}
	for _, step := range []struct {
		part string
		do   func() error
	}{
		{"clock", func() error { return vm.restoreClock(s) }},
		{"xen", func() error { return vm.restoreXen(s) }},
		{"pic", func() error { return restoreIf(s.PIC, vm.setPICs) }},
		{"ioapic", func() error { return restoreIf(s.IOAPIC, vm.SetIOAPIC) }},
		{"pit2", func() error { return restoreIf(s.PIT, vm.SetPIT2) }},
	} {
		if err := step.do(); err != nil {
			return inState(step.part, err)
		}
	}
	return nil
}

// checkShape compares what the caller made of the VM with what was saved.
func (vm *VM) checkShape(s *VMState) error {
	var now VMState
	if err := errors.Join(ifThere(&now.IOAPIC, vm.IOAPIC), ifThere(&now.PIT, vm.PIT2)); err != nil {
		return err
	}
	switch {
	case (s.IOAPIC == nil) != (s.PIC == nil):
		return differs("ioapic", "there are both PICs and an I/O APIC, or none")
	case s.IOAPIC != nil && now.IOAPIC == nil:
		return differs("PIC and I/O APIC", "the state has them, this VM has none in the kernel: call CreateIRQChip before the first vCPU is made")
	case s.IOAPIC == nil && now.IOAPIC != nil:
		return differs("PIC and I/O APIC", "this VM has them in the kernel, the state has none: make it without CreateIRQChip")
	case s.PIT != nil && now.PIT == nil:
		return differs("PIT", "the state has one, this VM has none in the kernel: call CreatePIT2 before the first vCPU is made")
	case s.PIT == nil && now.PIT != nil:
		return differs("PIT", "this VM has one in the kernel, the state has none: make it without CreatePIT2")
	}
	return nil
}

// restoreClock leaves out the flags, with which KVM would add the time since.
func (vm *VM) restoreClock(s *VMState) error {
	if s.Clock == nil {
		return nil
	}
	return vm.SetClock(&uapi.ClockData{Clock: s.Clock.Clock})
}

func (vm *VM) setPICs(pics *[2]uapi.PICState) error {
	if err := vm.SetPIC(uapi.IRQChipPICMaster, &pics[0]); err != nil {
		return err
	}
	return vm.SetPIC(uapi.IRQChipPICSlave, &pics[1])
}
