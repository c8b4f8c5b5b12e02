package kvm

import (
	"math"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestEnableCap(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	wantError(t, vm.EnableCap(uapi.CapIRQChip, 1, 2, 3, 4, 5), ErrInvalid, "5 arguments")
	wantError(t, v.EnableCap(uapi.CapIRQChip, 1, 2, 3, 4, 5), ErrInvalid)
	wantError(t, vm.EnableCap(uapi.Cap(math.MaxUint32)), syscall.EINVAL, "KVM_ENABLE_CAP")
	wantError(t, v.EnableCap(uapi.Cap(math.MaxUint32)), syscall.EINVAL, "KVM_ENABLE_CAP")
}
