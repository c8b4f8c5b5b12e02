package kvm

import (
	"math"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestPreFaultMemory(t *testing.T) {
	vm, v, _ := newGuest(t, 0xf4)
	for _, bad := range [][2]uint64{{0, 0}, {1, 0x1000}, {0, 1}, {math.MaxUint64 &^ 0xfff, 0x1000}} {
		done, err := v.PreFaultMemory(bad[0], bad[1])
		wantError(t, err, ErrInvalid, "KVM_PRE_FAULT_MEMORY")
		if done != 0 {
			t.Errorf("%#x bytes were done", done)
		}
	}
	if n, err := vm.CheckExtension(uapi.CapPreFaultMemory); err == nil && n == 0 {
		_, err := v.PreFaultMemory(0, 0x1000)
		wantError(t, err, ErrNotSupported, "KVM_CAP_PRE_FAULT_MEMORY", "6.11")
	} else {
		done, err := v.PreFaultMemory(0, 0x10000)
		if done != 0x10000 || err != nil {
			t.Errorf("%#x bytes of 64 KiB, %v", done, err)
		}
		// It goes as far as there is memory.
		done, err = v.PreFaultMemory(0xf000, 0x2000)
		wantError(t, err, syscall.ENOENT)
		if done != 0x1000 {
			t.Errorf("%#x bytes were done, want one page", done)
		}
	}
	must(t, v.Close())
	_, err := v.PreFaultMemory(0, 0x1000)
	wantError(t, err, ErrClosed)
}
