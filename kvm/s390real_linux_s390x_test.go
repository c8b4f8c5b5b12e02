package kvm

import (
	"bytes"
	"errors"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// The tests of this file want a real KVM, which is to be had on a machine of this
// architecture only.

func newS390Guest(t *testing.T) (*VM, *VCPU, *memory.Region) {
	t.Helper()
	vm := newTestVM(t)
	ram := addMemory(t, vm, 0, 0, 0, 4<<20)
	return vm, newTestVCPU(t, vm), ram
}

func TestS390MemOp(t *testing.T) {
	vm, v, ram := newS390Guest(t)
	want := bytes.Repeat([]byte("guest memory"), 10000) // more than one call takes
	needCap(t, vm, uapi.CapS390MemOp, "4.1")
	must(t, v.S390MemOpLogicalWrite(0x10000, want, S390MemAccess{}))
	got := make([]byte, len(want))
	_, err := ram.ReadAt(got, 0x10000)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Error("a logical write did not reach memory")
	}
	var program *S390ProgramError
	if err := v.S390MemOpLogicalRead(1<<30, got, S390MemAccess{}); !errors.As(err, &program) || program.Code != 5 {
		t.Errorf("read beyond memory: %v, want an addressing exception", err)
	}
	needCap(t, vm, uapi.CapS390MemOpExtension, "")
	clear(got)
	must(t, vm.S390MemOpAbsoluteRead(0x10000, got, S390MemAccess{}))
	if !bytes.Equal(got, want) {
		t.Error("an absolute read gives something else")
	}
	if n, err := vm.CheckExtension(uapi.CapS390MemOpExtension); n&uapi.S390MemopExtensionCapCmpxchg == 0 {
		t.Skipf("needs compare-and-swap of guest memory: Linux 6.3 or newer (%d, %v)", n, err)
	}
	old := []byte("gues")
	for i, swapped := range []bool{true, false} {
		ok, err := vm.S390MemOpAbsoluteCmpxchg(0x10000, old, []byte("host"), S390MemAccess{})
		must(t, err)
		if ok != swapped {
			t.Errorf("call %d: swapped %v", i, ok)
		}
	}
	if string(old) != "host" {
		t.Errorf("found %q, want host", old)
	}
}

func TestS390IRQState(t *testing.T) {
	vm, v, _ := newS390Guest(t)
	needCap(t, vm, uapi.CapS390IRQState, "4.1")
	list, err := v.S390IRQState()
	must(t, err)
	if len(list) != 0 {
		t.Errorf("a new vCPU has interrupts: %+v", list)
	}
	irq := S390IntEmergency(0)
	must(t, v.S390IRQ(&irq))
	list, err = v.S390IRQState()
	must(t, err)
	if len(list) != 1 || list[0].Type != uapi.S390IntEmergency {
		t.Errorf("got %+v, want an emergency signal", list)
	}
	must(t, v.S390InitialReset())
	must(t, v.S390SetIRQState(list))
	again, err := v.S390IRQState()
	must(t, err)
	if len(again) != 1 || again[0] != list[0] {
		t.Errorf("got %+v, set %+v", again, list)
	}
}

func TestS390SKEYsOfNewGuest(t *testing.T) {
	vm, _, _ := newS390Guest(t)
	needCap(t, vm, uapi.CapS390SKEYs, "4.1")
	keys := make([]byte, 16)
	inUse, err := vm.S390SKEYs(0, keys)
	must(t, err)
	if inUse {
		t.Error("a guest that never ran uses storage keys")
	}
	must(t, vm.S390SetSKEYs(0, []byte{0x10, 0x20}))
	inUse, err = vm.S390SKEYs(0, keys)
	must(t, err)
	if !inUse || keys[0]&0xf0 != 0x10 || keys[1]&0xf0 != 0x20 {
		t.Errorf("in use %v, keys % x", inUse, keys)
	}
}
