package kvm

import (
	"syscall"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

func TestSetUserMemoryRegion2(t *testing.T) {
	needPrograms(t)
	vm := newTestVM(t)
	r, err := memory.New(0x20000)
	must(t, err)
	t.Cleanup(func() { r.Close() })
	slot := MemorySlot{Slot: 1, Region: r, GPA: 0, Offset: 0x10000}
	if err := vm.SetUserMemoryRegion2(slot); err != nil {
		needCap(t, vm, uapi.CapUserMemory2, "6.8")
		t.Fatal(err)
	}
	v := newTestVCPU(t, vm)
	// The guest sees the second half of the region only.
	startProgramAt(t, v, r, 0x10000, programWriter)
	runDone(t, v)
	for at, want := range map[uint64]uint32{0x2000: 0, 0x12000: 1} {
		if got, err := r.LoadUint32(at); err != nil || got != want {
			t.Errorf("the region has %d at %#x (%v), want %d", got, at, err, want)
		}
	}

	for _, bad := range []MemorySlot{
		{},
		{Region: r, Offset: 0x20000},
		{Region: r, Offset: 0x30000},
		{Region: r, Offset: 1<<64 - 0x1000},
		{Region: r, Size: 0x21000},
		{Region: r, Offset: 0x1000, Size: 0x20000},
		{Region: r, Size: 1<<64 - 0x1000},
		{Region: r, Size: 0x1001},
		{Region: r, Offset: 1, Size: 0x1000},
		{Region: r, GPA: 1<<64 - 0x1000},
	} {
		wantError(t, vm.SetUserMemoryRegion2(bad), ErrInvalid)
	}
}

// What a slot held is free as soon as something else, or nothing, stands in it.
func TestSlotLetsGo(t *testing.T) {
	vm := newTestVM(t)
	first, err := memory.New(0x10000)
	must(t, err)
	must(t, vm.SetUserMemoryRegion(4, 0, 0, first))
	must(t, vm.SetUserMemoryRegion(4, 0, 0x100000, first)) // moved
	wantError(t, first.Close(), memory.ErrInUse)
	second, err := memory.New(0x10000)
	must(t, err)
	// KVM replaces nothing by other memory in place: the slot stays as it is.
	wantError(t, vm.SetUserMemoryRegion(4, 0, 0x100000, second), syscall.EINVAL)
	must(t, second.Close())
	wantError(t, first.Close(), memory.ErrInUse)
	must(t, vm.SetUserMemoryRegion(4, 0, 0, nil))
	must(t, first.Close())
}

func TestSlotsDoNotOverlap(t *testing.T) {
	vm := newTestVM(t)
	r := addMemory(t, vm, 0, 0, 0, 0x20000)
	wantError(t, vm.SetUserMemoryRegion(1, 0, 0x10000, r), syscall.EEXIST)
	must(t, vm.SetUserMemoryRegion(1, 0, 0x20000, r)) // the same memory twice is fine
}
