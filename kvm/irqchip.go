//go:build amd64 || arm64 || s390x

package kvm

import "linuxkvm/uapi"

// CreateIRQChip puts the interrupt controller into the kernel: on amd64 two
// PICs, an I/O APIC and a local APIC for every vCPU, on arm64 a GICv2 (other
// versions are devices: CreateDevice), on s390x what irqfds need. It comes
// before the first vCPU.
//
// ioctl: KVM_CREATE_IRQCHIP (vm) · cap: KVM_CAP_IRQCHIP, KVM_CAP_S390_IRQCHIP · arch: x86, arm64, s390 · since: Linux 2.6.24 · doc: virt/kvm/api.rst "KVM_CREATE_IRQCHIP"
func (vm *VM) CreateIRQChip() error {
	if _, err := vmNumber(vm, uapi.IoctlVMCreateIRQChip, 0); err != nil {
		return explain(err, vm, irqChipCap, irqChipSince)
	}
	if irqChipDevice != 0 {
		vm.c().made.addDevice(irqChipDevice)
	}
	return nil
}
