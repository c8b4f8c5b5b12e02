package kvm

import "linuxkvm/uapi"

// ArmRegMasks says which bits of the feature id registers may be changed. The
// registers are those with op0 3, op1 0, 1 or 3, and CRn 0.
type ArmRegMasks [uapi.ArmFeatureIDRangeSize]uint64

// Mask returns the bits that may be changed of the register with that op1, CRm and
// op2, and 0 for one that is outside of the range.
func (m *ArmRegMasks) Mask(op1, crm, op2 int) uint64 {
	if op1 < 0 || op1 > 3 || op1 == 2 || crm < 0 || crm > 7 || op2 < 0 || op2 > 7 {
		return 0
	}
	// op1 3 comes after 1 in the array, as if it were 2.
	return m[min(op1, 2)<<6|crm<<3|op2]
}

// ArmRegWritableMasks returns which bits of the feature id registers a vCPU of this
// VM lets be changed before it has run.
//
// ioctl: KVM_ARM_GET_REG_WRITABLE_MASKS (vm) · cap: KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES · arch: arm64 · since: Linux 6.7 · doc: virt/kvm/api.rst "KVM_ARM_GET_REG_WRITABLE_MASKS"
func (vm *VM) ArmRegWritableMasks() (*ArmRegMasks, error) {
	masks := new(ArmRegMasks)
	err := pinned(masks[:], func(addr uint64) error {
		return vmSet(vm, uapi.IoctlVMArmGetRegWritableMasks, &uapi.RegMaskRange{Addr: addr, Range: uapi.ArmFeatureIDRange})
	})
	if err != nil {
		return nil, explain(err, vm, uapi.CapArmSupportedRegMaskRanges, "6.7")
	}
	return masks, nil
}
