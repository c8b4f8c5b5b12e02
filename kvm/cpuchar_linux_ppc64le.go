package kvm

import "linuxkvm/uapi"

// PPCCPUChar returns what the processor does against leaks by speculation, and
// what software should do: bits uapi.PPCCPUChar... and uapi.PPCCPUBehav..., of
// which the masks say which the kernel knows.
//
// ioctl: KVM_PPC_GET_CPU_CHAR (vm) · cap: KVM_CAP_PPC_GET_CPU_CHAR · arch: ppc · since: Linux 4.15 · doc: virt/kvm/api.rst "KVM_PPC_GET_CPU_CHAR"
func (vm *VM) PPCCPUChar() (uapi.PPCCPUChar, error) {
	char, err := vmGet[uapi.PPCCPUChar](vm, uapi.IoctlVMPPCGetCPUChar)
	return char, explain(err, vm, uapi.CapPPCGetCPUChar, "4.15")
}

// PPCPVINFO returns the instructions that a paravirtual guest makes hypercalls
// with, for its device tree. Only kvm-pr handles such calls and announces this;
// kvm-hv answers all the same.
//
// ioctl: KVM_PPC_GET_PVINFO (vm) · cap: KVM_CAP_PPC_GET_PVINFO · arch: ppc · since: Linux 2.6.37 · doc: virt/kvm/api.rst "KVM_PPC_GET_PVINFO"
func (vm *VM) PPCPVINFO() (uapi.PPCPVINFO, error) {
	info, err := vmGet[uapi.PPCPVINFO](vm, uapi.IoctlVMPPCGetPVINFO)
	return info, explain(err, vm, uapi.CapPPCGetPVINFO, "2.6.37")
}

// PPCSVMOff makes a secure guest an ordinary one again, as a reset does. For a VM
// that is not secure it does nothing. No vCPU may be in the guest: EBUSY.
//
// ioctl: KVM_PPC_SVM_OFF (vm) · cap: basic · arch: ppc · since: Linux 5.5 · doc: virt/kvm/api.rst "KVM_PPC_SVM_OFF"
func (vm *VM) PPCSVMOff() error {
	_, err := vmNumber(vm, uapi.IoctlVMPPCSVMOff, 0)
	return err
}
