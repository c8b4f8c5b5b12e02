//go:build !s390x && !ppc64le

package kvm

import (
	"math"
	"slices"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestClearDirtyLog(t *testing.T) {
	needPrograms(t)
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapManualDirtyLogProtect2, "5.2")
	if vm.EnableManualDirtyLog(math.MaxUint64) == nil {
		t.Error("unknown flags are no error")
	}
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
