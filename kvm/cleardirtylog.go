//go:build !s390x && !ppc64le

package kvm

import "linuxkvm/uapi"

// ClearDirtyLog starts the log of pages anew, for those that are set in pages,
// of which bit 0 is the slot's page first. It is for a VM with EnableManualDirtyLog.
// first must be a multiple of 64, and so must the number of pages unless it
// reaches the end of the slot: EINVAL where the slot has not these pages, ENOENT
// where it has no log, and ENXIO where dirty rings are in its place.
//
// ioctl: KVM_CLEAR_DIRTY_LOG (vm) · cap: KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 · arch: x86, arm64, mips, riscv, loongarch · since: Linux 5.2 · doc: virt/kvm/api.rst "KVM_CLEAR_DIRTY_LOG"
func (vm *VM) ClearDirtyLog(slot uint32, first uint64, pages *DirtyBitmap) error {
	if pages == nil || pages.pages == 0 || pages.pages > 1<<32-1 {
		return invalid("%v: slot %d: want a bitmap of 1 to 2^32-1 pages", uapi.IoctlVMClearDirtyLog, slot)
	}
	if first%64 != 0 {
		return invalid("%v: slot %d: first page %d: want a multiple of 64", uapi.IoctlVMClearDirtyLog, slot, first)
	}
	err := pages.pinned(func(addr uint64) error {
		return vmSet(vm, uapi.IoctlVMClearDirtyLog, &uapi.ClearDirtyLog{
			Slot: slot, FirstPage: first, NumPages: uint32(pages.pages), DirtyBitmap: addr,
		})
	})
	return explain(err, vm, uapi.CapManualDirtyLogProtect2, "5.2")
}

// EnableManualDirtyLog makes DirtyLog leave the log as it is, and ClearDirtyLog
// clear it page by page, which does not stop the guest for long. flags are those
// of the capability's value: uapi.DirtyLogManualProtectEnable, and
// DirtyLogInitiallySet to have every page dirty at first.
//
// ioctl: KVM_ENABLE_CAP (vm) · cap: KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 · arch: x86, arm64, mips, riscv, loongarch · since: Linux 5.2 · doc: virt/kvm/api.rst "KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2"
func (vm *VM) EnableManualDirtyLog(flags uint64) error {
	err := vm.EnableCap(uapi.CapManualDirtyLogProtect2, flags)
	return explain(err, vm, uapi.CapManualDirtyLogProtect2, "5.2")
}
