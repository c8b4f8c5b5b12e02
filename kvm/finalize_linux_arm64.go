package kvm

import (
	"math"

	"linuxkvm/uapi"
)

// ArmVCPUFinalize makes a feature of the vCPU final, such as uapi.ArmVCPUSVE once
// the vector lengths are set. The vCPU cannot run before, and the feature not change
// after. It is EPERM for a feature that was not asked for in KVM_ARM_VCPU_INIT or is
// final already.
//
// ioctl: KVM_ARM_VCPU_FINALIZE (vcpu) · cap: KVM_CAP_ARM_SVE · arch: arm64 · since: Linux 5.2 · doc: virt/kvm/api.rst "KVM_ARM_VCPU_FINALIZE"
func (v *VCPU) ArmVCPUFinalize(feature int) error {
	if feature < 0 || feature > math.MaxInt32 {
		return invalid("KVM_ARM_VCPU_FINALIZE: feature %d is outside of 0 to %d", feature, math.MaxInt32)
	}
	arg := int32(feature)
	return explain(vcpuSet(v, uapi.IoctlVCPUArmVCPUFinalize, &arg), v.vm, uapi.CapArmSVE, "5.2")
}
