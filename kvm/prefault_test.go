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
