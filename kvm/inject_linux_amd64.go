package kvm

import "linuxkvm/uapi"

// NMI queues a non-maskable interrupt.
//
// ioctl: KVM_NMI (vcpu) · cap: KVM_CAP_USER_NMI · arch: x86 · since: Linux 2.6.29 · doc: virt/kvm/api.rst "KVM_NMI"
func (v *VCPU) NMI() error {
	_, err := vcpuNumber(v, uapi.IoctlVCPUNMI, 0)
	return explain(err, v.vm, uapi.CapUserNMI, "2.6.29")
}

// SMI queues a system management interrupt.
//
// ioctl: KVM_SMI (vcpu) · cap: KVM_CAP_X86_SMM · arch: x86 · since: Linux 4.2 · doc: virt/kvm/api.rst "KVM_SMI"
func (v *VCPU) SMI() error {
	_, err := vcpuNumber(v, uapi.IoctlVCPUSMI, 0)
	return explain(err, v.vm, uapi.CapX86SMM, "4.2")
}

// KVMClockCtrl tells a guest that uses kvmclock that it was stopped, so that its
// soft-lockup watchdog does not complain. It fails with EINVAL while the guest
// has not set up kvmclock.
//
// ioctl: KVM_KVMCLOCK_CTRL (vcpu) · cap: KVM_CAP_KVMCLOCK_CTRL · arch: x86 · since: Linux 3.5 · doc: virt/kvm/api.rst "KVM_KVMCLOCK_CTRL"
func (v *VCPU) KVMClockCtrl() error {
	_, err := vcpuNumber(v, uapi.IoctlVCPUKVMClockCtrl, 0)
	return explain(err, v.vm, uapi.CapKVMClockCtrl, "3.5")
}
