package kvm

import "linuxkvm/uapi"

// ArmPreferredTarget returns what to give to ArmVCPUInit for vCPUs that are like the
// host's processor, with no feature set.
//
// ioctl: KVM_ARM_PREFERRED_TARGET (vm) · cap: basic · arch: arm64 · since: Linux 3.13 · doc: virt/kvm/api.rst "KVM_ARM_PREFERRED_TARGET"
func (vm *VM) ArmPreferredTarget() (uapi.VCPUInit, error) {
	return vmGet[uapi.VCPUInit](vm, uapi.IoctlVMArmPreferredTarget)
}

// ArmVCPUInit resets the vCPU and sets the features of its processor: bits numbered
// by uapi.ArmVCPUPSCI0_2 and the others. It comes before every other use of the
// vCPU, and may be repeated with the same features.
//
// ioctl: KVM_ARM_VCPU_INIT (vcpu) · cap: basic · arch: arm64 · since: Linux 3.11 · doc: virt/kvm/api.rst "KVM_ARM_VCPU_INIT"
func (v *VCPU) ArmVCPUInit(init *uapi.VCPUInit) error {
	return vcpuSet(v, uapi.IoctlVCPUArmVCPUInit, init)
}
