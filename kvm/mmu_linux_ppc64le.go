package kvm

import "linuxkvm/uapi"

// PPCSMMUInfo returns the page and segment sizes that guests with hashed page
// tables can have. uapi.PPCNoHash in the flags means that there are no such
// guests here.
//
// ioctl: KVM_PPC_GET_SMMU_INFO (vm) · cap: KVM_CAP_PPC_GET_SMMU_INFO · arch: ppc · since: Linux 3.5 · doc: virt/kvm/api.rst "KVM_PPC_GET_SMMU_INFO"
func (vm *VM) PPCSMMUInfo() (uapi.PPCSMMUInfo, error) {
	info, err := vmGet[uapi.PPCSMMUInfo](vm, uapi.IoctlVMPPCGetSMMUInfo)
	return info, explain(err, vm, uapi.CapPPCGetSMMUInfo, "3.5")
}

// PPCRMMUInfo returns the radix tree geometries and page sizes that guests with
// radix page tables can have.
//
// ioctl: KVM_PPC_GET_RMMU_INFO (vm) · cap: KVM_CAP_PPC_MMU_RADIX · arch: ppc · since: Linux 4.11 · doc: virt/kvm/api.rst "KVM_PPC_GET_RMMU_INFO"
func (vm *VM) PPCRMMUInfo() (uapi.PPCRMMUInfo, error) {
	info, err := vmGet[uapi.PPCRMMUInfo](vm, uapi.IoctlVMPPCGetRMMUInfo)
	return info, explain(err, vm, uapi.CapPPCMMURadix, "4.11")
}

// What the second doubleword of a partition table entry is made of.
const (
	processTableRadix    = 1 << 63
	processTableSizeMask = 0x1f
	processTableSizeMax  = 24
)

// PPCConfigureV3MMU chooses radix or hashed page tables for a guest of POWER9 or
// later, and tells where its process table is. The guest-physical address and the
// size are as in the second doubleword of a partition table entry of the Power
// ISA: a size field of n in the low 5 bits means 1<<(n+12) bytes, and the highest
// bit repeats uapi.PPCMmuv3Radix. No vCPU may be in the guest when it changes:
// EBUSY.
//
// ioctl: KVM_PPC_CONFIGURE_V3_MMU (vm) · cap: KVM_CAP_PPC_MMU_RADIX, KVM_CAP_PPC_MMU_HASH_V3 · arch: ppc · since: Linux 4.11 · doc: virt/kvm/api.rst "KVM_PPC_CONFIGURE_V3_MMU"
func (vm *VM) PPCConfigureV3MMU(cfg *uapi.PPCMmuv3Cfg) error {
	const req = uapi.IoctlVMPPCConfigureV3MMU
	if cfg == nil {
		return invalid("%v: nil configuration", req)
	}
	if err := checkV3MMU(cfg.Flags, cfg.ProcessTable); err != nil {
		return err
	}
	need := uapi.CapPPCMMUHashV3
	if cfg.Flags&uapi.PPCMmuv3Radix != 0 {
		need = uapi.CapPPCMMURadix
	}
	return explain(vmSet(vm, req, cfg), vm, need, "4.11")
}

func checkV3MMU(flags, processTable uint64) error {
	const req = uapi.IoctlVMPPCConfigureV3MMU
	radix := flags&uapi.PPCMmuv3Radix != 0
	switch {
	case flags&^(uapi.PPCMmuv3Radix|uapi.PPCMmuv3GTSE) != 0:
		return invalid("%v: flags %#x: want uapi.PPCMmuv3Radix, PPCMmuv3GTSE, both or none", req, flags)
	case radix != (processTable&processTableRadix != 0):
		return invalid("%v: process table %#x: its highest bit must be set for radix page tables and clear for hashed ones, flags are %#x", req, processTable, flags)
	case processTable&processTableSizeMask > processTableSizeMax:
		return invalid("%v: process table %#x: size field %d, want at most %d", req, processTable, processTable&processTableSizeMask, processTableSizeMax)
	}
	return nil
}
