package kvm

import (
	"encoding/binary"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

// The offset of a vCPU's time stamp counter is an attribute of 8 bytes.
func TestVCPUAttributes(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapVCPUAttributes, "5.16")
	v := newTestVCPU(t, vm)
	const group, attr = uapi.VCPUTSCCtrl, uapi.VCPUTSCOffset
	if has, err := v.HasAttr(group, attr); err != nil || !has {
		t.Fatalf("has a TSC offset: %v, %v", has, err)
	}
	if has, err := v.HasAttr(1<<31, 1<<63); err != nil || has {
		t.Errorf("has an attribute that there is not: %v, %v", has, err)
	}
	value := make([]byte, 8)
	must(t, v.Attr(group, attr, value))
	// One that is too short is no way into other memory.
	for n := range 8 {
		wantError(t, v.Attr(group, attr, value[:n]), syscall.EFAULT)
		wantError(t, v.SetAttr(group, attr, value[:n]), syscall.EFAULT)
	}
	needProcessor(t) // kvm_pvm ignores the offset
	offset := binary.NativeEndian.Uint64(value) - 1<<40
	binary.NativeEndian.PutUint64(value, offset)
	must(t, v.SetAttr(group, attr, value))
	must(t, v.Attr(group, attr, value))
	// Where the host's own counter is unstable, KVM corrects the offset a little.
	const second = 1 << 32
	if got := binary.NativeEndian.Uint64(value); got-offset+second > 2*second {
		t.Errorf("offset %#x, want %#x", got, offset)
	}
}

func TestSystemAttributes(t *testing.T) {
	s := openSystem(t)
	needCap(t, s, uapi.CapSysAttributes, "5.17")
	value := make([]byte, 8)
	must(t, s.Attr(0, uapi.X86XcompGuestSupp, value))
	if mask := binary.NativeEndian.Uint64(value); mask&1 == 0 {
		t.Errorf("guests may use XSAVE components %#x, not even x87", mask)
	}
	if has, err := s.HasAttr(0, 1<<40); err != nil || has {
		t.Errorf("has an attribute that there is not: %v, %v", has, err)
	}
}

func TestVMAttributes(t *testing.T) {
	vm := newTestVM(t)
	// No kernel has one on amd64.
	if err := vm.SetAttr(1<<31, 0, nil); err == nil {
		t.Error("an attribute that there is not was set")
	}
	if err := vm.Attr(1<<31, 0, nil); err == nil {
		t.Error("an attribute that there is not was read")
	}
	if has, _ := vm.HasAttr(1<<31, 0); has {
		t.Error("has an attribute that there is not")
	}
}
