//go:build amd64 || arm64 || riscv64 || loong64 || ppc64le

package kvm

import "linuxkvm/uapi"

// IRQLine sets the level of an interrupt line of the in-kernel interrupt
// controller. On most architectures irq is the GSI; arm64 packs the kind of line
// and the vCPU into it, which ArmIRQSPI and the like do. An edge is a call with true
// and one with false.
//
// ioctl: KVM_IRQ_LINE (vm) · cap: KVM_CAP_IRQCHIP · arch: x86, arm64, ppc, riscv, loongarch · since: Linux 2.6.24 · doc: virt/kvm/api.rst "KVM_IRQ_LINE"
func (vm *VM) IRQLine(irq uint32, high bool) error {
	_, err := vm.irqLine(uapi.IoctlVMIRQLine, irq, high)
	return err
}

// IRQLineStatus is IRQLine that tells what became of the interrupt: greater than
// 0 it was delivered to that many vCPUs, 0 it was merged with one that is still
// pending, less than 0 it was masked or ignored.
//
// ioctl: KVM_IRQ_LINE_STATUS (vm) · cap: KVM_CAP_IRQ_INJECT_STATUS · arch: x86, arm64, ppc, riscv, loongarch · since: Linux 2.6.30 · doc: virt/kvm/api.rst "KVM_IRQ_LINE"
func (vm *VM) IRQLineStatus(irq uint32, high bool) (status int32, err error) {
	status, err = vm.irqLine(uapi.IoctlVMIRQLineStatus, irq, high)
	return status, explain(err, vm, uapi.CapIRQInjectStatus, "2.6.30")
}

func (vm *VM) irqLine(req uapi.VMIoctl, irq uint32, high bool) (status int32, err error) {
	arg := uapi.IRQLevel{IRQ: irq}
	if high {
		arg.Level = 1
	}
	err = vmSet(vm, req, &arg)
	return int32(arg.IRQ), err // the union's status
}
