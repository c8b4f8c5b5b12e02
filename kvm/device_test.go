package kvm

import (
	"syscall"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// newVFIODevice makes a device of the one type that every architecture has.
func newVFIODevice(t *testing.T) (*VM, *Device) {
	t.Helper()
	vm := newTestVM(t)
	has, err := vm.HasDevice(uapi.DevTypeVFIO)
	must(t, err)
	if !has {
		t.Skip("needs KVM's VFIO device: a kernel with CONFIG_KVM_VFIO, which Debian's cloud kernels are not")
	}
	d, err := vm.CreateDevice(uapi.DevTypeVFIO)
	must(t, err)
	made.note(t, d.fd)
	t.Cleanup(func() { d.Close() })
	return vm, d
}

func TestDeviceAttributes(t *testing.T) {
	vm, d := newVFIODevice(t)
	if d.VM() != vm {
		t.Error("the device has another VM")
	}
	if has, err := d.HasAttr(uapi.DevVFIOGroup, uapi.DevVFIOGroupAdd); err != nil || !has {
		t.Errorf("has the group attribute: %v, %v", has, err)
	}
	if has, err := d.HasAttr(1<<31, 1<<63); err != nil || has {
		t.Errorf("has an attribute that there is not: %v, %v", has, err)
	}
	// KVM reads 4 bytes of descriptor number: fewer must not let it read on.
	for n := range 4 {
		wantError(t, d.SetAttr(uapi.DevVFIOGroup, uapi.DevVFIOGroupAdd, make([]byte, n)), syscall.EFAULT)
	}
	wantError(t, d.SetAttr(uapi.DevVFIOGroup, uapi.DevVFIOGroupAdd, []byte{255, 255, 255, 255}), syscall.EBADF)
	if err := d.Attr(1, 1, make([]byte, 8)); err == nil {
		t.Error("an attribute that cannot be read was read")
	}
	must(t, d.Close())
	must(t, d.Close())
	_, err := d.HasAttr(0, 0)
	wantError(t, err, ErrClosed)
}

func TestCreateDeviceRefusals(t *testing.T) {
	vm := newTestVM(t)
	_, err := vm.CreateDevice(1<<32 - 1)
	wantError(t, err, syscall.ENODEV, "KVM_CREATE_DEVICE")
	if has, err := vm.HasDevice(1<<32 - 1); err != nil || has {
		t.Errorf("has a device type that there is not: %v, %v", has, err)
	}
	must(t, vm.Close())
	_, err = vm.CreateDevice(uapi.DevTypeVFIO)
	wantError(t, err, ErrClosed)
}

// newDeviceOfAnyKind makes the first device that this host has.
func newDeviceOfAnyKind(t *testing.T) (*VM, *Device) {
	t.Helper()
	vm := newTestVM(t)
	for _, kind := range []uint32{uapi.DevTypeVFIO, uapi.DevTypeArmVGICV3, uapi.DevTypeRISCVAIA, uapi.DevTypeXICS, uapi.DevTypeFLIC} {
		if has, err := vm.HasDevice(kind); err != nil || !has {
			must(t, err)
			continue
		}
		d, err := vm.CreateDevice(kind)
		must(t, err)
		made.note(t, d.fd)
		t.Cleanup(func() { d.Close() })
		return vm, d
	}
	t.Skip("needs a device in the kernel: a GICv3, an AIA, an XICS, or a kernel with CONFIG_KVM_VFIO, which Debian's cloud kernels are not")
	return nil, nil
}

// A device keeps the kernel's VM, and so the memory in its slots.
func TestDeviceKeepsTheVM(t *testing.T) {
	vm, d := newDeviceOfAnyKind(t)
	r, err := memory.New(0x10000)
	must(t, err)
	must(t, vm.SetUserMemoryRegion(0, 0, 0, r))
	must(t, vm.Close())
	wantError(t, r.Close(), memory.ErrInUse)
	must(t, d.Close())
	must(t, r.Close())
}
