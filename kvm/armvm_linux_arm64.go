package kvm

import "linuxkvm/uapi"

// ArmSetDeviceAddr places a part of the GICv2 that CreateIRQChip makes:
// uapi.VGICV2AddrTypeDist or VGICV2AddrTypeCPU, at a guest-physical address, which
// is a multiple of 4096. It is what there was before [VM.CreateVGICV2].
//
// ioctl: KVM_ARM_SET_DEVICE_ADDR (vm) · cap: KVM_CAP_ARM_SET_DEVICE_ADDR · arch: arm64 · since: Linux 3.9 · doc: virt/kvm/api.rst "KVM_ARM_SET_DEVICE_ADDR"
func (vm *VM) ArmSetDeviceAddr(part uint16, gpa uint64) error {
	arg, err := armDeviceAddr(part, gpa)
	if err != nil {
		return err
	}
	err = vmSet(vm, uapi.IoctlVMArmSetDeviceAddr, &arg)
	return explain(err, vm, uapi.CapArmSetDeviceAddr, "3.9")
}

func armDeviceAddr(part uint16, gpa uint64) (uapi.ArmDeviceAddr, error) {
	id := uapi.ArmDeviceVGICV2<<uapi.ArmDeviceIDShift | uint64(part)<<uapi.ArmDeviceTypeShift
	return uapi.ArmDeviceAddr{ID: id, Addr: gpa}, checkAligned("a device's address", gpa, 4096)
}

// ArmSetCounterOffset sets what is taken from the host's counter to give the
// guest's virtual and physical ones, of all vCPUs at once, in ticks. It comes in
// place of writing the counters' registers, which has no effect from then on.
//
// ioctl: KVM_ARM_SET_COUNTER_OFFSET (vm) · cap: KVM_CAP_COUNTER_OFFSET · arch: arm64 · since: Linux 6.4 · doc: virt/kvm/api.rst "KVM_ARM_SET_COUNTER_OFFSET"
func (vm *VM) ArmSetCounterOffset(ticks uint64) error {
	err := vmSet(vm, uapi.IoctlVMArmSetCounterOffset, &uapi.ArmCounterOffset{CounterOffset: ticks})
	return explain(err, vm, uapi.CapCounterOffset, "6.4")
}
