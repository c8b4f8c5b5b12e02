package kvm

import "linuxkvm/uapi"

// TSCKHz returns the frequency of the vCPU's time stamp counter in kHz.
//
// ioctl: KVM_GET_TSC_KHZ (vcpu) · cap: KVM_CAP_GET_TSC_KHZ · arch: x86 · since: Linux 3.0 · doc: virt/kvm/api.rst "KVM_GET_TSC_KHZ"
func (v *VCPU) TSCKHz() (uint32, error) {
	n, err := vcpuNumber(v, uapi.IoctlVCPUGetTSCKHz, 0)
	return uint32(max(n, 0)), explain(err, v.vm, uapi.CapGetTSCKHz, "3.0")
}

// SetTSCKHz sets the frequency of the vCPU's time stamp counter in kHz; 0 is the
// host's. Hosts without TSC scaling refuse a frequency far from their own.
//
// ioctl: KVM_SET_TSC_KHZ (vcpu) · cap: KVM_CAP_TSC_CONTROL · arch: x86 · since: Linux 3.0 · doc: virt/kvm/api.rst "KVM_SET_TSC_KHZ"
func (v *VCPU) SetTSCKHz(khz uint32) error {
	_, err := vcpuNumber(v, uapi.IoctlVCPUSetTSCKHz, uintptr(khz))
	return explain(err, v.vm, uapi.CapTSCControl, "3.0")
}

// TSCKHz returns the frequency in kHz that the time stamp counters of new vCPUs
// get.
//
// ioctl: KVM_GET_TSC_KHZ (vm) · cap: KVM_CAP_VM_TSC_CONTROL · arch: x86 · since: Linux 5.18 · doc: virt/kvm/api.rst "KVM_GET_TSC_KHZ"
func (vm *VM) TSCKHz() (uint32, error) {
	n, err := vmNumber(vm, uapi.IoctlVMGetTSCKHz, 0)
	return uint32(max(n, 0)), explain(err, vm, uapi.CapVMTSCControl, "5.18")
}

// SetTSCKHz sets the frequency in kHz of the time stamp counters of the vCPUs
// that are created later; 0 is the host's.
//
// ioctl: KVM_SET_TSC_KHZ (vm) · cap: KVM_CAP_VM_TSC_CONTROL · arch: x86 · since: Linux 5.18 · doc: virt/kvm/api.rst "KVM_SET_TSC_KHZ"
func (vm *VM) SetTSCKHz(khz uint32) error {
	_, err := vmNumber(vm, uapi.IoctlVMSetTSCKHz, uintptr(khz))
	return explain(err, vm, uapi.CapVMTSCControl, "5.18")
}
