package kvm

import (
	"errors"
	"testing"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// fakeVM is a VM whose descriptor is not KVM's: what reaches the kernel fails
// there, and what is refused before does not.
func fakeVM(tb testing.TB) *VM {
	tb.Helper()
	fd, err := sys.NewEventFD()
	must(tb, err)
	vm := newVM(fd, sizeofRun)
	tb.Cleanup(func() { vm.Close() })
	return vm
}

// fakeVCPUOf is the same for a vCPU.
func fakeVCPUOf(tb testing.TB, vm *VM) *VCPU {
	tb.Helper()
	return &VCPU{core: fakeVCPU(tb), vm: vm}
}

// refused fails unless err comes from a check, and says all the words; reached
// fails unless it comes from the kernel.
func refused(tb testing.TB, err error, words ...string) {
	tb.Helper()
	wantError(tb, err, ErrInvalid, words...)
}

func reached(tb testing.TB, err error) {
	tb.Helper()
	var fromKernel *Error
	if !errors.As(err, &fromKernel) {
		tb.Errorf("got %v, want an error of the kernel's", err)
	}
}

func TestFakeVMFails(t *testing.T) {
	vm := fakeVM(t)
	_, err := vm.CheckExtension(uapi.CapIRQChip)
	reached(t, err)
	v := fakeVCPUOf(t, vm)
	_, err = v.OneRegUint64(uapi.RegSizeU64)
	reached(t, err)
	refused(t, v.OneReg(uapi.RegSizeU64, nil), "8 bytes")
}
