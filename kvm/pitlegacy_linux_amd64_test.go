package kvm

import (
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestLegacyPIT(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapPIT, "2.6.26")
	if _, err := vm.PIT(); err == nil {
		t.Error("a timer that there is not was read")
	}
	if err := vm.SetPIT(&uapi.PITState{}); err == nil {
		t.Error("a timer that there is not was set")
	}
	// Without an interrupt controller, newer kernels refuse and older ones do not.
	must(t, vm.CreateIRQChip())
	must(t, vm.CreatePIT())
	wantError(t, vm.CreatePIT(), syscall.EEXIST, "KVM_CREATE_PIT")
	state, err := vm.PIT()
	must(t, err)
	const rate, channel = 4, 2
	state.Channels[channel].Count = 0x1234
	state.Channels[channel].RWMode = 3
	state.Channels[channel].Mode = rate
	must(t, vm.SetPIT(&state))
	again, err := vm.PIT()
	must(t, err)
	if got := again.Channels[channel]; got.Count != 0x1234 || got.Mode != rate {
		t.Errorf("channel is %+v after it was set to %+v", got, state.Channels[channel])
	}
	// It is the same timer.
	newer, err := vm.PIT2()
	must(t, err)
	if newer.Channels[channel].Count != 0x1234 {
		t.Errorf("PIT2 shows another timer: %+v", newer.Channels[channel])
	}
}

func TestLegacyPITWrong(t *testing.T) {
	vm := newIRQChipVM(t)
	wantError(t, vm.SetPIT(nil), ErrInvalid, "KVM_SET_PIT")
	must(t, vm.Close())
	wantError(t, vm.CreatePIT(), ErrClosed)
	wantError(t, vm.SetPIT(&uapi.PITState{}), ErrClosed)
	_, err := vm.PIT()
	wantError(t, err, ErrClosed)
}
