package kvm

import (
	"slices"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func newLoggedGuest(t *testing.T) (*VM, *VCPU) {
	t.Helper()
	needPrograms(t)
	vm := newTestVM(t)
	r := addMemory(t, vm, 3, uapi.MemLogDirtyPages, 0, 0x10000)
	v := newTestVCPU(t, vm)
	must(t, startProgram(v, r, programWriter))
	return vm, v
}

func TestDirtyLog(t *testing.T) {
	vm, v := newLoggedGuest(t)
	_, err := vm.DirtyLog(3)
	must(t, err)
	runDone(t, v)
	log, err := vm.DirtyLog(3)
	must(t, err)
	if log.Len() != 16 {
		t.Errorf("the log has %d pages, the slot 16", log.Len())
	}
	// KVM may count what was mapped writable as written: page 1 has the code.
	for page := range uint64(16) {
		want := page == 2 || page == 4
		if got := log.Get(page); got != want && page != 1 {
			t.Errorf("page %d is dirty=%v, want %v", page, got, want)
		}
	}
	log, err = vm.DirtyLog(3)
	must(t, err)
	if n := log.Count(); n != 0 {
		t.Errorf("%d pages are dirty right after the log was read", n)
	}
}

func TestClearDirtyLog(t *testing.T) {
	needPrograms(t)
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapManualDirtyLogProtect2, "5.2")
	must(t, vm.EnableManualDirtyLog(uapi.DirtyLogManualProtectEnable))
	r := addMemory(t, vm, 3, uapi.MemLogDirtyPages, 0, 0x10000)
	v := newTestVCPU(t, vm)
	must(t, startProgram(v, r, programWriter))
	runDone(t, v)
	for range 2 { // reading does not clear
		log, err := vm.DirtyLog(3)
		must(t, err)
		if !log.Get(2) || !log.Get(4) {
			t.Fatalf("dirty pages %v, want 2 and 4 among them", slices.Collect(log.Pages()))
		}
	}
	cleared := NewDirtyBitmap(16)
	cleared.Set(2)
	must(t, vm.ClearDirtyLog(3, 0, cleared))
	log, err := vm.DirtyLog(3)
	must(t, err)
	if log.Get(2) || !log.Get(4) {
		t.Errorf("dirty pages %v, want 4 and not 2", slices.Collect(log.Pages()))
	}
	wantError(t, vm.ClearDirtyLog(3, 0, nil), ErrInvalid)
	wantError(t, vm.ClearDirtyLog(3, 0, NewDirtyBitmap(0)), ErrInvalid)
	wantError(t, vm.ClearDirtyLog(3, 0, NewDirtyBitmap(128)), syscall.EINVAL)
	wantError(t, vm.ClearDirtyLog(3, 1<<63, cleared), syscall.EINVAL)
	wantError(t, vm.ClearDirtyLog(3, 64, cleared), syscall.EINVAL) // beyond its end
	wantError(t, vm.ClearDirtyLog(3, 2, cleared), ErrInvalid, "first page 2", "64")
	wantError(t, vm.ClearDirtyLog(4, 0, cleared), syscall.ENOENT)
	addMemory(t, vm, 5, 0, 0x100000, 0x10000)
	wantError(t, vm.ClearDirtyLog(5, 0, cleared), syscall.ENOENT) // not logged
	must(t, vm.Close())
	wantError(t, vm.ClearDirtyLog(3, 0, cleared), ErrClosed)
}

func TestDirtyLogRefusals(t *testing.T) {
	vm := newTestVM(t)
	addMemory(t, vm, 0, 0, 0, 0x10000)
	_, err := vm.DirtyLog(0)
	wantError(t, err, syscall.ENOENT, "KVM_GET_DIRTY_LOG") // not logged
	_, err = vm.DirtyLog(1)
	wantError(t, err, syscall.ENOENT) // empty
	_, err = vm.DirtyLog(1<<32 - 1)
	wantError(t, err, syscall.ENOENT)
	must(t, vm.Close())
	_, err = vm.DirtyLog(0)
	wantError(t, err, ErrClosed)
}
