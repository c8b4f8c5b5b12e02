package kvm

import (
	"encoding/binary"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// ArmRegMasks say which bits of the feature ID registers can be set: a mask for
// each, by [ArmRegMasks.Mask].
type ArmRegMasks [uapi.ArmFeatureIDRangeSize]uint64

// ArmGetRegWritableMasks returns which bits of the registers that describe the
// processor to the guest can be set, on every vCPU before one of them has run.
//
// ioctl: KVM_ARM_GET_REG_WRITABLE_MASKS (vm) · cap: KVM_CAP_ARM_SUPPORTED_REG_MASK_RANGES · arch: arm64 · since: Linux 6.7 · doc: virt/kvm/api.rst "KVM_ARM_GET_REG_WRITABLE_MASKS"
func (vm *VM) ArmGetRegWritableMasks() (ArmRegMasks, error) {
	var masks ArmRegMasks
	g, err := sys.NewGuarded(8 * len(masks))
	if err != nil {
		return masks, opError(opName("mmap"), err)
	}
	defer g.Free()
	arg := uapi.RegMaskRange{Addr: g.Addr(), Range: uapi.ArmFeatureIDRange}
	if err := vmSet(vm, uapi.IoctlVMArmGetRegWritableMasks, &arg); err != nil {
		return masks, explain(err, vm, uapi.CapArmSupportedRegMaskRanges, "6.7")
	}
	for i := range masks {
		masks[i] = binary.NativeEndian.Uint64(g.Bytes()[8*i:])
	}
	return masks, nil
}

// Mask returns the mask of a register; ok is false for one that is not among the
// feature ID registers (Op0 3, Op1 0, 1 or 3, CRn 0).
func (m *ArmRegMasks) Mask(id uapi.RegID[uint64]) (mask uint64, ok bool) {
	op0, op1, crn, crm, op2, ok := uapi.RegArm64SysregOps(id.Reg())
	bank, inRange := map[uint8]int{0: 0, 1: 1, 3: 2}[op1]
	if !ok || op0 != 3 || !inRange || crn != 0 || crm > 7 {
		return 0, false
	}
	return m[bank<<6|int(crm)<<3|int(op2)], true
}
