//go:build linux

package uapi

import "strconv"

// SystemIoctl is the number of an ioctl on /dev/kvm.
type SystemIoctl uintptr

// VMIoctl is the number of an ioctl on a virtual machine's descriptor.
type VMIoctl uintptr

// VCPUIoctl is the number of an ioctl on a vCPU's descriptor.
type VCPUIoctl uintptr

// DeviceIoctl is the number of an ioctl on the descriptor of a device that
// KVM_CREATE_DEVICE made.
type DeviceIoctl uintptr

// String returns the ioctl's name in C, "KVM_CREATE_VM".
func (i SystemIoctl) String() string { return ioctlName(i.name(), "SystemIoctl", uintptr(i)) }

// String returns the ioctl's name in C, "KVM_CREATE_VCPU".
func (i VMIoctl) String() string { return ioctlName(i.name(), "VMIoctl", uintptr(i)) }

// String returns the ioctl's name in C, "KVM_RUN".
func (i VCPUIoctl) String() string { return ioctlName(i.name(), "VCPUIoctl", uintptr(i)) }

// String returns the ioctl's name in C, "KVM_SET_DEVICE_ATTR".
func (i DeviceIoctl) String() string { return ioctlName(i.name(), "DeviceIoctl", uintptr(i)) }

func ioctlName(name, kind string, number uintptr) string {
	if name != "" {
		return name
	}
	return kind + "(0x" + strconv.FormatUint(uint64(number), 16) + ")"
}
