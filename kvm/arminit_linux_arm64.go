package kvm

import "linuxkvm/uapi"

// ArmFeature is something that the processor of a vCPU may have.
type ArmFeature int

// The features, by their bits for KVM_ARM_VCPU_INIT.
const (
	ArmPowerOff       ArmFeature = uapi.ArmVCPUPowerOff       // it waits for PSCI CPU_ON instead of running
	ArmEL1With32Bit   ArmFeature = uapi.ArmVCPUEL1_32bit      // EL1 is AArch32 (KVM_CAP_ARM_EL1_32BIT)
	ArmPSCI           ArmFeature = uapi.ArmVCPUPSCI0_2        // PSCI 0.2 or newer (KVM_CAP_ARM_PSCI_0_2)
	ArmPMUv3          ArmFeature = uapi.ArmVCPUPMUV3          // performance counters (KVM_CAP_ARM_PMU_V3)
	ArmSVE            ArmFeature = uapi.ArmVCPUSVE            // scalable vectors (KVM_CAP_ARM_SVE); ArmVCPUFinalize settles them
	ArmPtrauthAddress ArmFeature = uapi.ArmVCPUPtrauthAddress // authenticated addresses; both or neither of these
	ArmPtrauthGeneric ArmFeature = uapi.ArmVCPUPtrauthGeneric // authenticated data
	ArmHasEL2         ArmFeature = uapi.ArmVCPUHasEL2         // nested virtualization (KVM_CAP_ARM_EL2)
	ArmHasEL2E2H0     ArmFeature = uapi.ArmVCPUHasEL2E2H0     // with HCR_EL2.E2H fixed to 0 (KVM_CAP_ARM_EL2_E2H0)
)

// SetArmFeatures switches features on in what ArmVCPUInit takes.
func SetArmFeatures(init *uapi.VCPUInit, features ...ArmFeature) error {
	if init == nil {
		return invalid("SetArmFeatures: nil %T", init)
	}
	for _, f := range features {
		if err := checkRange("an ArmFeature", int(f), 0, 32*len(init.Features)-1); err != nil {
			return err
		}
		init.Features[f/32] |= 1 << (f % 32)
	}
	return nil
}

// ArmInit is ArmVCPUInit for a processor like the host's with these features, and
// no other optional ones.
//
// ioctl: KVM_ARM_VCPU_INIT (vcpu) · cap: basic · arch: arm64 · since: Linux 3.12 · doc: virt/kvm/api.rst "KVM_ARM_VCPU_INIT"
func (v *VCPU) ArmInit(features ...ArmFeature) error {
	init, err := v.vm.ArmPreferredTarget()
	if err != nil {
		return err
	}
	if err := SetArmFeatures(&init, features...); err != nil {
		return err
	}
	return v.ArmVCPUInit(&init)
}

// ArmVCPUFinalize settles a feature that has settings: ArmSVE, after
// uapi.RegArm64SVEVLs is set and before the vCPU runs or its SVE registers are
// used. EPERM means that it is settled already or was not asked for.
//
// ioctl: KVM_ARM_VCPU_FINALIZE (vcpu) · cap: KVM_CAP_ARM_SVE · arch: arm64 · since: Linux 5.2 · doc: virt/kvm/api.rst "KVM_ARM_VCPU_FINALIZE"
func (v *VCPU) ArmVCPUFinalize(feature ArmFeature) error {
	if err := checkRange("an ArmFeature", int(feature), 0, 32*7-1); err != nil {
		return err
	}
	number := int32(feature)
	return vcpuSet(v, uapi.IoctlVCPUArmVCPUFinalize, &number)
}
