package kvm

import (
	"errors"
	"syscall"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// Device is a device that KVM emulates: an interrupt controller, most often. It
// is safe for concurrent use, and keeps the kernel's VM until it is closed.
type Device struct {
	fd fdOf[uapi.DeviceIoctl]
	vm *VM // so that the VM is not closed by the garbage collector first
}

// f is the descriptor; that of a device that is not there, as in a zero VGICV3, is a
// closed one.
func (d *Device) f() fdOf[uapi.DeviceIoctl] {
	if d == nil {
		return fdOf[uapi.DeviceIoctl]{}
	}
	return d.fd
}

// CreateDevice makes a device of a type: uapi.DevTypeVFIO and so on. ENODEV
// means that this host does not know the type, EEXIST that the VM has its only
// one already. (Some kernels can, on amd64, and do not announce the capability.)
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: all · since: Linux 3.10 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateDevice(kind uint32) (*Device, error) {
	c := vm.c()
	// Holding the VM's descriptor keeps the VM there until the device counts.
	if _, ok := c.fd.Acquire(); !ok {
		return nil, opError(uapi.IoctlVMCreateDevice, ErrClosed)
	}
	defer c.fd.Release()
	arg := uapi.CreateDevice{Type: kind}
	if err := vmSet(vm, uapi.IoctlVMCreateDevice, &arg); err != nil {
		return nil, err
	}
	c.made.addDevice(kind)
	return newDevice(vm, int(arg.FD)), nil
}

func newDevice(vm *VM, fd int) *Device {
	owner := vm.c().vmState
	owner.retain()
	return &Device{vm: vm, fd: fdOf[uapi.DeviceIoctl]{sys.NewFD(fd, func(fd int) {
		sys.CloseFD(fd)
		owner.release()
	})}}
}

// HasDevice reports whether the host knows a device type, and makes none.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: all · since: Linux 3.10 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) HasDevice(kind uint32) (bool, error) {
	err := vmSet(vm, uapi.IoctlVMCreateDevice, &uapi.CreateDevice{Type: kind, Flags: uapi.CreateDeviceTest})
	if errors.Is(err, syscall.ENODEV) {
		return false, nil
	}
	return err == nil, err
}

// VM returns the VM the device belongs to, nil for a zero value.
func (d *Device) VM() *VM {
	if d == nil {
		return nil
	}
	return d.vm
}

// Close closes the device's descriptor. What the device does for the guest ends
// with the VM only, for most types. Closing again does nothing.
func (d *Device) Close() error {
	d.f().Close()
	return nil
}

// HasAttr reports whether the device has an attribute.
//
// ioctl: KVM_HAS_DEVICE_ATTR (device) · cap: KVM_CAP_DEVICE_CTRL · arch: all · since: Linux 3.10 · doc: virt/kvm/api.rst "KVM_HAS_DEVICE_ATTR"
func (d *Device) HasAttr(group uint32, attr uint64) (bool, error) {
	return hasAttr(d.f(), uapi.IoctlDeviceHasDeviceAttr, group, attr)
}

// Attr reads an attribute of the device into value. value must be as large as
// the attribute, whose size is the device's to say: EFAULT when it is too small.
//
// ioctl: KVM_GET_DEVICE_ATTR (device) · cap: KVM_CAP_DEVICE_CTRL · arch: all · since: Linux 3.10 · doc: virt/kvm/api.rst "KVM_GET_DEVICE_ATTR"
func (d *Device) Attr(group uint32, attr uint64, value []byte) error {
	return doAttr(d.f(), uapi.IoctlDeviceGetDeviceAttr, group, attr, value)
}

// SetAttr sets an attribute of the device to value, which may be empty for an
// attribute that is an order and not a value. EFAULT means that value is smaller
// than the attribute. value is changed where the device answers in it.
//
// ioctl: KVM_SET_DEVICE_ATTR (device) · cap: KVM_CAP_DEVICE_CTRL · arch: all · since: Linux 3.10 · doc: virt/kvm/api.rst "KVM_SET_DEVICE_ATTR"
func (d *Device) SetAttr(group uint32, attr uint64, value []byte) error {
	return doAttr(d.f(), uapi.IoctlDeviceSetDeviceAttr, group, attr, value)
}
