package kvm

import (
	"math"

	"linuxkvm/internal/sys"
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// SetUserMemoryRegion puts the whole of region r into a slot, at the
// guest-physical address gpa. It replaces what the slot held; a slot can move
// and change flags but not size. flags are uapi.MemLogDirtyPages and
// uapi.MemReadonly. gpa must be a multiple of the page size. A nil region
// empties the slot.
//
// The VM keeps r mapped, and r refuses Close, until the slot is emptied or the
// VM and its vCPUs are closed.
//
// The low 16 bits of slot number it, the high 16 bits pick an address space
// where KVM_CAP_MULTI_ADDRESS_SPACE has more than one.
//
// ioctl: KVM_SET_USER_MEMORY_REGION (vm) · cap: KVM_CAP_USER_MEMORY · arch: all · since: Linux 2.6.25 · doc: virt/kvm/api.rst "KVM_SET_USER_MEMORY_REGION"
func (vm *VM) SetUserMemoryRegion(slot, flags uint32, gpa uint64, r *memory.Region) error {
	if r == nil {
		return vm.DeleteMemoryRegion(slot)
	}
	return vm.setSlot(uapi.IoctlVMSetUserMemoryRegion, &MemorySlot{
		Slot: slot, Flags: flags, GPA: gpa, Region: r, Size: r.Size(),
	})
}

// MemorySlot says what stands in a slot of a VM.
type MemorySlot struct {
	Slot  uint32 // number, and address space in the high 16 bits
	Flags uint32 // uapi.MemLogDirtyPages, MemReadonly; MemGuestMemfd is implied by GuestMemfd
	GPA   uint64 // guest-physical address, a multiple of the page size
	Size  uint64 // bytes, a multiple of the page size; 0 means all of Region from Offset on

	Region *memory.Region // the memory the host reads and writes
	Offset uint64         // where in Region the slot begins, a multiple of the page size

	// GuestMemfd has the slot's private pages, from GuestMemfdOffset on, which is
	// a multiple of the page size; nil for a slot that has none. One made with
	// uapi.GuestMemfdFlagMmap has all pages of the slot, and Region should be
	// its mapping.
	GuestMemfd       *GuestMemfd
	GuestMemfdOffset uint64
}

// SetUserMemoryRegion2 is SetUserMemoryRegion for part of a region, and for
// memory that has private pages in a guest_memfd. A slot with a guest_memfd can
// only be emptied, not moved or changed, and the guest_memfd refuses Close until
// then.
//
// ioctl: KVM_SET_USER_MEMORY_REGION2 (vm) · cap: KVM_CAP_USER_MEMORY2 · arch: all · since: Linux 6.8 · doc: virt/kvm/api.rst "KVM_SET_USER_MEMORY_REGION2"
func (vm *VM) SetUserMemoryRegion2(s MemorySlot) error {
	if s.Region == nil {
		return invalid("KVM_SET_USER_MEMORY_REGION2: slot %d has no Region; to empty a slot use DeleteMemoryRegion", s.Slot)
	}
	if err := vm.require(uapi.CapUserMemory2, "6.8"); err != nil {
		return err
	}
	return vm.setSlot(uapi.IoctlVMSetUserMemoryRegion2, &s)
}

// DeleteMemoryRegion empties a slot. The guest's accesses to it become MMIO
// exits. When it returns the guest cannot reach the memory any more.
//
// ioctl: KVM_SET_USER_MEMORY_REGION (vm) · cap: KVM_CAP_USER_MEMORY · arch: all · since: Linux 2.6.25 · doc: virt/kvm/api.rst "KVM_SET_USER_MEMORY_REGION"
func (vm *VM) DeleteMemoryRegion(slot uint32) error {
	c := vm.c()
	unlock, err := c.lockSlots(uapi.IoctlVMSetUserMemoryRegion)
	if err != nil {
		return err
	}
	arg := uapi.UserspaceMemoryRegion{Slot: slot}
	_, err = ioctlStruct(c.fd, uapi.IoctlVMSetUserMemoryRegion, &arg)
	var old *heldSlot
	if err == nil {
		old = c.hold(slot, nil)
	}
	unlock()
	old.release()
	return err
}

func (vm *VM) setSlot(req uapi.VMIoctl, s *MemorySlot) error {
	if err := s.check(vm); err != nil {
		return err
	}
	now, err := s.pin(req)
	if err != nil {
		return err
	}
	c := vm.c()
	unlock, err := c.lockSlots(req)
	if err != nil {
		now.release()
		return err
	}
	drop := now
	if err = s.issue(c.fd, req); err == nil {
		drop = c.hold(s.Slot, now)
	}
	unlock()
	drop.release()
	return err
}

// lockSlots keeps the VM open and its slots to the caller until the returned
// function is called. The descriptor is left after the lock: leaving it may be
// what ends the VM, and that takes the lock.
func (c *vmCore) lockSlots(op uapi.VMIoctl) (unlock func(), err error) {
	if _, ok := c.fd.Acquire(); !ok {
		return nil, opError(op, ErrClosed)
	}
	c.mu.Lock()
	return func() {
		c.mu.Unlock()
		c.fd.Release()
	}, nil
}

// hold records what stands in a slot, nil for nothing, and returns what stood
// there before, for the caller to release when the lock is no longer held.
func (s *vmState) hold(slot uint32, now *heldSlot) (old *heldSlot) {
	old = s.slots[slot]
	if now == nil {
		delete(s.slots, slot)
	} else {
		s.slots[slot] = now
	}
	return old
}

// check refuses what would reach outside of the region: KVM would take any
// address of this process.
func (s *MemorySlot) check(vm *VM) error {
	size := s.Region.Size()
	if s.Offset > size {
		return invalid("memory slot %d: offset %#x is outside of its region of %#x bytes", s.Slot, s.Offset, size)
	}
	if s.Size == 0 {
		s.Size = size - s.Offset
	}
	if s.Size > size-s.Offset {
		return invalid("memory slot %d: %#x bytes at offset %#x are outside of its region of %#x bytes", s.Slot, s.Size, s.Offset, size)
	}
	page := uint64(sys.PageSize())
	if s.GPA%page != 0 || s.Size%page != 0 || s.Offset%page != 0 || s.Size == 0 {
		return invalid("memory slot %d: GPA %#x, size %#x and offset %#x must be multiples of the page size %#x, and the size not 0", s.Slot, s.GPA, s.Size, s.Offset, page)
	}
	if s.GPA > math.MaxUint64-s.Size {
		return invalid("memory slot %d: %#x bytes at GPA %#x wrap around", s.Slot, s.Size, s.GPA)
	}
	return s.checkGuestMemfd(vm)
}

func (s *MemorySlot) issue(fd fdOf[uapi.VMIoctl], req uapi.VMIoctl) error {
	host := uint64(s.Region.Addr()) + s.Offset
	var err error
	if req == uapi.IoctlVMSetUserMemoryRegion {
		_, err = ioctlStruct(fd, req, &uapi.UserspaceMemoryRegion{
			Slot: s.Slot, Flags: s.Flags, GuestPhysAddr: s.GPA, MemorySize: s.Size, UserspaceAddr: host,
		})
		return err
	}
	arg := uapi.UserspaceMemoryRegion2{
		Slot: s.Slot, Flags: s.Flags, GuestPhysAddr: s.GPA, MemorySize: s.Size, UserspaceAddr: host,
	}
	return s.GuestMemfd.with(req, func(guestMemfd int) error {
		if s.GuestMemfd != nil {
			arg.GuestMemfd, arg.GuestMemfdOffset = uint32(guestMemfd), s.GuestMemfdOffset
			arg.Flags |= uapi.MemGuestMemfd
		}
		_, err := ioctlStruct(fd, req, &arg)
		return err
	})
}
