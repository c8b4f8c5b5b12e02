package kvm

import "linuxkvm/uapi"

// SignalMSI delivers one message-signalled interrupt. It needs an interrupt
// controller in the kernel that takes messages. It reports whether the interrupt
// was delivered; false means that the guest blocks it, and on riscv64 nothing: the
// kernel does not tell there.
//
// ioctl: KVM_SIGNAL_MSI (vm) · cap: KVM_CAP_SIGNAL_MSI · arch: x86, arm64, riscv, loongarch · since: Linux 3.5 · doc: virt/kvm/api.rst "KVM_SIGNAL_MSI"
func (vm *VM) SignalMSI(msi *uapi.MSI) (delivered bool, err error) {
	n, err := vmStatus(vm, uapi.IoctlVMSignalMSI, msi)
	return n > 0, explain(err, vm, uapi.CapSignalMSI, "3.5")
}
