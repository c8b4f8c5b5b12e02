package kvm

import (
	"syscall"
	"testing"

	"linuxkvm/memory"
)

// What stands where something else does is refused, and what was there stays.
func TestBadInputOverlap(t *testing.T) {
	vm := newTestVM(t)
	region, err := memory.New(1 << 17)
	must(t, err)
	t.Cleanup(func() { must(t, region.Close()) })
	t.Cleanup(func() { must(t, vm.Close()) })
	const gpa = 0x8000_0000
	must(t, vm.SetUserMemoryRegion(0, 0, gpa, region))
	for name, at := range map[string]uint64{
		"the same place": gpa, "its end": gpa + 1<<16, "its begin": gpa - 1<<16,
	} {
		if err := vm.SetUserMemoryRegion(1, 0, at, region); err == nil {
			t.Errorf("a slot over %s of another is taken", name)
		}
	}
	if err := vm.SetUserMemoryRegion(1, 0, gpa+0x10_0800, region); err == nil {
		t.Error("a slot at a crooked address is taken")
	}
	if err := vm.SetUserMemoryRegion(1, 0, ^uint64(0)&^0xffff, region); err == nil {
		t.Error("a slot over the end of the address space is taken")
	}
	// The refused ones have left nothing: there is room for the second slot elsewhere.
	must(t, vm.SetUserMemoryRegion(1, 0, gpa+1<<20, region))
}

// Two eventfds for the same writes, and the same one twice.
func TestBadInputIoeventfdTwice(t *testing.T) {
	vm := newTestVM(t)
	first, second := newTestEventFD(t), newTestEventFD(t)
	at := IOEvent{Addr: 0x9000_0000, Len: 4, Match: true, Datamatch: 1}
	must(t, vm.IOEventfd(first, at))
	wantError(t, vm.IOEventfd(first, at), syscall.EEXIST)
	wantError(t, vm.IOEventfd(second, at), syscall.EEXIST)
	wide := at
	wide.Match, wide.Datamatch = false, 0
	wantError(t, vm.IOEventfd(second, wide), syscall.EEXIST)
	other := at
	other.Datamatch = 2
	must(t, vm.IOEventfd(second, other))
	wantError(t, vm.DeassignIOEventfd(second, at), syscall.ENOENT)
	must(t, vm.DeassignIOEventfd(first, at))
}
