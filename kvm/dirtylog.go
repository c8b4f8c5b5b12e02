package kvm

import (
	"syscall"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// DirtyLog returns which pages of a slot were written, by guest or KVM, since the
// last call. The slot must have uapi.MemLogDirtyPages in its flags: ENOENT
// otherwise, and for an empty slot. Writes of the host to the Region are not in
// the log.
//
// The log starts anew with this call, unless EnableManualDirtyLog was called where
// KVM has that.
//
// ioctl: KVM_GET_DIRTY_LOG (vm) · cap: basic · arch: all · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_GET_DIRTY_LOG"
func (vm *VM) DirtyLog(slot uint32) (*DirtyBitmap, error) {
	const req = uapi.IoctlVMGetDirtyLog
	// KVM writes as much as the slot is large: it must not change meanwhile.
	unlock, err := vm.c().lockSlots(req)
	if err != nil {
		return nil, err
	}
	defer unlock()
	held := vm.c().slots[slot]
	if held == nil {
		return nil, opError(req, syscall.ENOENT)
	}
	log := NewDirtyBitmap(held.size / uint64(sys.PageSize()))
	err = log.pinned(func(addr uint64) error {
		return vmSet(vm, req, &uapi.DirtyLog{Slot: slot, DirtyBitmap: addr})
	})
	if err != nil {
		return nil, err
	}
	return log, nil
}
