package kvm

import (
	"errors"
	"syscall"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// Attributes are the same three calls on devices, vCPUs, VMs and the system. KVM
// is told an address and copies as many bytes as the attribute has, whatever
// the caller meant. So it gets memory that ends where value ends, before a page
// that nobody may touch.

func hasAttr[R request](fd fdOf[R], req R, group uint32, attr uint64) (bool, error) {
	_, err := ioctlStruct(fd, req, &uapi.DeviceAttr{Group: group, Attr: attr})
	if errors.Is(err, syscall.ENXIO) {
		return false, nil
	}
	return err == nil, err
}

// doAttr reads an attribute into value or sets it to that.
func doAttr[R request](fd fdOf[R], req R, group uint32, attr uint64, value []byte) error {
	_, err := doAttrStatus(fd, req, group, attr, value)
	return err
}

// doAttrStatus is doAttr for an attribute where the call's result says something.
func doAttrStatus[R request](fd fdOf[R], req R, group uint32, attr uint64, value []byte) (int, error) {
	g, err := sys.NewGuarded(len(value))
	if err != nil {
		return 0, opError(opName("mmap"), err)
	}
	defer g.Free()
	copy(g.Bytes(), value)
	n, err := ioctlStruct(fd, req, &uapi.DeviceAttr{Group: group, Attr: attr, Addr: g.Addr()})
	if err != nil {
		return 0, err
	}
	copy(value, g.Bytes())
	return n, nil
}

// HasAttr reports whether the host has an attribute.
//
// ioctl: KVM_HAS_DEVICE_ATTR (system) · cap: KVM_CAP_SYS_ATTRIBUTES · arch: x86 · since: Linux 5.17 · doc: virt/kvm/api.rst "KVM_HAS_DEVICE_ATTR"
func (s *System) HasAttr(group uint32, attr uint64) (bool, error) {
	return hasAttr(s.fd, uapi.IoctlSystemHasDeviceAttr, group, attr)
}

// Attr reads an attribute of the host into value, in the manner of [Device.Attr].
//
// ioctl: KVM_GET_DEVICE_ATTR (system) · cap: KVM_CAP_SYS_ATTRIBUTES · arch: x86 · since: Linux 5.17 · doc: virt/kvm/api.rst "KVM_GET_DEVICE_ATTR"
func (s *System) Attr(group uint32, attr uint64, value []byte) error {
	err := doAttr(s.fd, uapi.IoctlSystemGetDeviceAttr, group, attr, value)
	return explain(err, s, uapi.CapSysAttributes, "5.17")
}

// HasAttr reports whether the VM has an attribute.
//
// ioctl: KVM_HAS_DEVICE_ATTR (vm) · cap: KVM_CAP_VM_ATTRIBUTES · arch: s390, arm64 · since: Linux 3.15 · doc: virt/kvm/devices/vm.rst
func (vm *VM) HasAttr(group uint32, attr uint64) (bool, error) {
	return hasAttr(vm.c().fd, uapi.IoctlVMHasDeviceAttr, group, attr)
}

// Attr reads an attribute of the VM into value, in the manner of [Device.Attr].
//
// ioctl: KVM_GET_DEVICE_ATTR (vm) · cap: KVM_CAP_VM_ATTRIBUTES · arch: s390, arm64 · since: Linux 3.15 · doc: virt/kvm/devices/vm.rst
func (vm *VM) Attr(group uint32, attr uint64, value []byte) error {
	return doAttr(vm.c().fd, uapi.IoctlVMGetDeviceAttr, group, attr, value)
}

// SetAttr sets an attribute of the VM to value, in the manner of [Device.SetAttr].
//
// ioctl: KVM_SET_DEVICE_ATTR (vm) · cap: KVM_CAP_VM_ATTRIBUTES · arch: s390, arm64 · since: Linux 3.15 · doc: virt/kvm/devices/vm.rst
func (vm *VM) SetAttr(group uint32, attr uint64, value []byte) error {
	return doAttr(vm.c().fd, uapi.IoctlVMSetDeviceAttr, group, attr, value)
}

// HasAttr reports whether the vCPU has an attribute.
//
// ioctl: KVM_HAS_DEVICE_ATTR (vcpu) · cap: KVM_CAP_VCPU_ATTRIBUTES · arch: x86, arm64, s390, loongarch · since: Linux 4.7, x86: 5.16 · doc: virt/kvm/devices/vcpu.rst
func (v *VCPU) HasAttr(group uint32, attr uint64) (bool, error) {
	return hasAttr(v.c().fd, uapi.IoctlVCPUHasDeviceAttr, group, attr)
}

// Attr reads an attribute of the vCPU into value, in the manner of [Device.Attr].
//
// ioctl: KVM_GET_DEVICE_ATTR (vcpu) · cap: KVM_CAP_VCPU_ATTRIBUTES · arch: x86, arm64, s390, loongarch · since: Linux 4.7, x86: 5.16 · doc: virt/kvm/devices/vcpu.rst
func (v *VCPU) Attr(group uint32, attr uint64, value []byte) error {
	return doAttr(v.c().fd, uapi.IoctlVCPUGetDeviceAttr, group, attr, value)
}

// SetAttr sets an attribute of the vCPU to value, in the manner of [Device.SetAttr].
//
// ioctl: KVM_SET_DEVICE_ATTR (vcpu) · cap: KVM_CAP_VCPU_ATTRIBUTES · arch: x86, arm64, s390, loongarch · since: Linux 4.7, x86: 5.16 · doc: virt/kvm/devices/vcpu.rst
func (v *VCPU) SetAttr(group uint32, attr uint64, value []byte) error {
	return doAttr(v.c().fd, uapi.IoctlVCPUSetDeviceAttr, group, attr, value)
}
