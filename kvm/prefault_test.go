package kvm

import (
	"errors"
	"math"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestPreFaultGoesOnToTheEnd(t *testing.T) {
	calls := 0
	done, err := preFault(0x10000, 0x5000, func(arg *uapi.PreFaultMemory) error {
		calls++
		if arg.GPA+arg.Size != 0x15000 || arg.Flags != 0 {
			t.Errorf("call %d: %+v", calls, arg)
		}
		step := min(arg.Size, 0x2000)
		arg.GPA, arg.Size = arg.GPA+step, arg.Size-step
		return nil
	})
	if done != 0x5000 || err != nil || calls != 3 {
		t.Errorf("%#x bytes in %d calls, %v", done, calls, err)
	}

	done, err = preFault(0x10000, 0x5000, func(arg *uapi.PreFaultMemory) error {
		if arg.GPA != 0x10000 {
			return syscall.EAGAIN
		}
		arg.GPA, arg.Size = 0x13000, 0x2000
		return nil
	})
	if done != 0x3000 || !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("a failure after 3 pages: %#x bytes, %v", done, err)
	}

	// A kernel that says that it went nowhere, or elsewhere, does not make it endless.
	for _, bad := range []uapi.PreFaultMemory{
		{GPA: 0x10000, Size: 0x5000}, {GPA: 0x10000, Size: 0x6000}, {GPA: 0x11000, Size: 0x5000},
		{GPA: 0x12000, Size: 0x4000}, {GPA: math.MaxUint64, Size: math.MaxUint64}, {GPA: 0, Size: 0},
	} {
		if done, err := preFault(0x10000, 0x5000, func(arg *uapi.PreFaultMemory) error {
			*arg = bad
			return nil
		}); done != 0 || err == nil {
			t.Errorf("%+v: %#x bytes, %v", bad, done, err)
		}
	}
}

func TestPreFaultMemory(t *testing.T) {
	vm, v, _ := newProgram(t, programLoop)
	for _, bad := range [][2]uint64{{0, 0}, {1, 0x1000}, {0, 1}, {math.MaxUint64 &^ 0xfff, 0x1000}} {
		done, err := v.PreFaultMemory(bad[0], bad[1])
		wantError(t, err, ErrInvalid, "KVM_PRE_FAULT_MEMORY")
		if done != 0 {
			t.Errorf("%#x bytes were done", done)
		}
	}
	if n, err := vm.CheckExtension(uapi.CapPreFaultMemory); err == nil && n == 0 {
		_, err := v.PreFaultMemory(0, 0x10000)
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
	_, err := v.PreFaultMemory(0, 0x10000)
	wantError(t, err, ErrClosed)
}
