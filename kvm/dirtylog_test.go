package kvm

import (
	"os"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func newLoggedGuest(t *testing.T) (*VM, *VCPU) {
	t.Helper()
	needPrograms(t)
	needSmallPages(t)
	vm := newTestVM(t)
	r := addMemory(t, vm, 3, uapi.MemLogDirtyPages, 0, 0x10000)
	v := newTestVCPU(t, vm)
	must(t, startProgram(v, r, programWriter))
	return vm, v
}

// needSmallPages skips a test of which pages a program writes to.
func needSmallPages(tb testing.TB) {
	tb.Helper()
	if n := os.Getpagesize(); n != 0x1000 {
		tb.Skipf("needs a host with pages of 4 KiB, and those of this one have %d (TestPPCDirtyLog is for them)", n)
	}
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
