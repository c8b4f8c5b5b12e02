package kvm

import "linuxkvm/uapi"

// SetTSSAddr gives KVM three pages of guest-physical address space, below 4 GiB
// and outside of RAM and MMIO. Intel processors without unrestricted guest need
// them to run real mode; it is harmless elsewhere. It comes before the first Run.
//
// ioctl: KVM_SET_TSS_ADDR (vm) · cap: KVM_CAP_SET_TSS_ADDR · arch: x86 · since: Linux 2.6.25 · doc: virt/kvm/api.rst "KVM_SET_TSS_ADDR"
func (vm *VM) SetTSSAddr(gpa uint64) error {
	_, err := vmNumber(vm, uapi.IoctlVMSetTSSAddr, uintptr(gpa))
	return explain(err, vm, uapi.CapSetTSSAddr, "2.6.25")
}

// SetIdentityMapAddr gives KVM one more such page, for the page table that
// real mode runs with there; 0 puts it at the default, 0xfffbc000. It comes
// before the first vCPU.
//
// ioctl: KVM_SET_IDENTITY_MAP_ADDR (vm) · cap: KVM_CAP_SET_IDENTITY_MAP_ADDR · arch: x86 · since: Linux 2.6.32 · doc: virt/kvm/api.rst "KVM_SET_IDENTITY_MAP_ADDR"
func (vm *VM) SetIdentityMapAddr(gpa uint64) error {
	err := vmSet(vm, uapi.IoctlVMSetIdentityMapAddr, &gpa)
	return explain(err, vm, uapi.CapSetIdentityMapAddr, "2.6.32")
}

// SetBootCPUID says which vCPU, by id, starts the guest; it is 0 otherwise. It
// comes before the first vCPU: EBUSY after that.
//
// ioctl: KVM_SET_BOOT_CPU_ID (vm) · cap: KVM_CAP_SET_BOOT_CPU_ID · arch: x86 · since: Linux 2.6.32 · doc: virt/kvm/api.rst "KVM_SET_BOOT_CPU_ID"
func (vm *VM) SetBootCPUID(id int) error {
	if id < 0 {
		return invalid("KVM_SET_BOOT_CPU_ID: id %d is negative", id)
	}
	_, err := vmNumber(vm, uapi.IoctlVMSetBootCPUID, uintptr(id))
	return explain(err, vm, uapi.CapSetBootCPUID, "2.6.32")
}

// SetNrMMUPages limits the pages that the kernel uses for shadow page tables.
//
// ioctl: KVM_SET_NR_MMU_PAGES (vm) · cap: KVM_CAP_MMU_SHADOW_CACHE_CONTROL · arch: x86 · since: Linux 2.6.25 · doc: none
func (vm *VM) SetNrMMUPages(pages uint64) error {
	_, err := vmNumber(vm, uapi.IoctlVMSetNrMMUPages, uintptr(pages))
	return explain(err, vm, uapi.CapMMUShadowCacheControl, "2.6.25")
}

// NrMMUPages returns that limit. Kernels since 6.3 have dropped the question and
// answer ErrNotSupported.
//
// ioctl: KVM_GET_NR_MMU_PAGES (vm) · cap: KVM_CAP_MMU_SHADOW_CACHE_CONTROL · arch: x86 · since: Linux 2.6.25 · doc: none
func (vm *VM) NrMMUPages() (uint64, error) {
	n, err := vmNumber(vm, uapi.IoctlVMGetNrMMUPages, 0)
	return uint64(max(n, 0)), explain(err, vm, uapi.CapMMUShadowCacheControl, "2.6.25")
}
