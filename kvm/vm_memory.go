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
	Flags uint32 // uapi.MemLogDirtyPages, MemReadonly, MemGuestMemfd
	GPA   uint64 // guest-physical address, a multiple of the page size
	Size  uint64 // bytes, a multiple of the page size; 0 means all of Region from Offset on

	Region *memory.Region // the memory the host reads and writes
	Offset uint64         // where in Region the slot begins, a multiple of the page size

	// GuestMemfd is the descriptor of a guest_memfd for private pages, and
	// GuestMemfdOffset the offset in it; used with uapi.MemGuestMemfd only.
	GuestMemfd       uint32
	GuestMemfdOffset uint64
}

// SetUserMemoryRegion2 is SetUserMemoryRegion for part of a region, and for
// memory that has private pages in a guest_memfd.
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
	c := vm.core
	unlock, err := c.lockSlots(uapi.IoctlVMSetUserMemoryRegion)
	if err != nil {
		return err
	}
	defer unlock()
	arg := uapi.UserspaceMemoryRegion{Slot: slot}
	if _, err := ioctlStruct(c.fd, uapi.IoctlVMSetUserMemoryRegion, &arg); err != nil {
		return err
	}
	c.hold(slot, nil)
	return nil
}

func (vm *VM) setSlot(req uapi.VMIoctl, s *MemorySlot) error {
	if err := s.check(); err != nil {
		return err
	}
	pin, err := s.Region.Pin()
	if err != nil {
		return opError(req, err)
	}
	c := vm.core
	unlock, err := c.lockSlots(req)
	if err != nil {
		pin.Release()
		return err
	}
	defer unlock()
	if err := s.issue(c.fd, req); err != nil {
		pin.Release()
		return err
	}
	c.hold(s.Slot, &heldSlot{pin: pin, size: s.Size})
	return nil
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

// hold records what stands in a slot, nil for nothing, and lets go of what stood
// there before.
func (c *vmCore) hold(slot uint32, now *heldSlot) {
	if old := c.slots[slot]; old != nil {
		old.pin.Release()
	}
	if now == nil {
		delete(c.slots, slot)
		return
	}
	c.slots[slot] = now
}

// check refuses what would reach outside of the region: KVM would take any
// address of this process.
func (s *MemorySlot) check() error {
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
	return nil
}

func (s *MemorySlot) issue(fd fdOf[uapi.VMIoctl], req uapi.VMIoctl) error {
	host := uint64(s.Region.Addr()) + s.Offset
	var err error
	if req == uapi.IoctlVMSetUserMemoryRegion {
		_, err = ioctlStruct(fd, req, &uapi.UserspaceMemoryRegion{
			Slot: s.Slot, Flags: s.Flags, GuestPhysAddr: s.GPA, MemorySize: s.Size, UserspaceAddr: host,
		})
	} else {
		_, err = ioctlStruct(fd, req, &uapi.UserspaceMemoryRegion2{
			Slot: s.Slot, Flags: s.Flags, GuestPhysAddr: s.GPA, MemorySize: s.Size, UserspaceAddr: host,
			GuestMemfd: s.GuestMemfd, GuestMemfdOffset: s.GuestMemfdOffset,
		})
	}
	return err
}
