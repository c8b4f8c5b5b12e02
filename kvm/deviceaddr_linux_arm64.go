package kvm

import "linuxkvm/uapi"

// ArmSetDeviceAddr places a part of an in-kernel device in guest-physical memory. The
// only device that is placed so is the VGICv2: device is uapi.ArmDeviceVGICV2 and kind
// uapi.VGICV2AddrTypeDist or uapi.VGICV2AddrTypeCPU. New programs set attributes of a
// Device.
//
// ioctl: KVM_ARM_SET_DEVICE_ADDR (vm) · cap: KVM_CAP_ARM_SET_DEVICE_ADDR · arch: arm64 · since: Linux 3.9 · doc: virt/kvm/api.rst "KVM_ARM_SET_DEVICE_ADDR"
func (vm *VM) ArmSetDeviceAddr(device, kind uint16, gpa uint64) error {
	arg := uapi.ArmDeviceAddr{
		ID:   uint64(device)<<uapi.ArmDeviceIDShift | uint64(kind)<<uapi.ArmDeviceTypeShift,
		Addr: gpa,
	}
	return explain(vmSet(vm, uapi.IoctlVMArmSetDeviceAddr, &arg), vm, uapi.CapArmSetDeviceAddr, "3.9")
}
