package kvm

import (
	"linuxkvm/memory"
)

// XenMemory is a place in a Region that KVM uses by its host-virtual address. A
// zero value is no place.
type XenMemory struct {
	Region *memory.Region
	Offset uint64 // bytes
}

// hold returns the host-virtual address of size bytes at m, in one page, and keeps
// them mapped; 0 for no place. Offset must be a multiple of align.
func (m XenMemory) hold(op interface{ String() string }, size, align uint64) (hva uint64, h holding, err error) {
	if m.Region == nil {
		if m.Offset != 0 {
			return 0, h, invalid("%v: offset %#x without a Region", op, m.Offset)
		}
		return 0, h, nil
	}
	if m.Offset%align != 0 || m.Offset%pageSize()+size > pageSize() {
		return 0, h, invalid("%v: offset %#x, want a multiple of %d with %d bytes left in the page", op, m.Offset, align, size)
	}
	r := MemoryRange{Region: m.Region, Offset: m.Offset, Size: size}
	hva, pin, err := r.pin(op, 1)
	if err != nil {
		return 0, h, err
	}
	return hva, holding{what: m, release: pin.Release}, nil
}

// findXenMemory tells which of the places that a VM holds for key, the newest first,
// is at an address. KVM may tell that of the page only.
func findXenMemory(vm *VM, key any, hva uint64) (found XenMemory) {
	vm.c().held.each(key, func(what any) {
		m, ok := what.(XenMemory)
		if !ok {
			return
		}
		if at := uint64(m.Region.Addr()) + m.Offset; hva == at || hva == at-at%pageSize() {
			found = m
		}
	})
	return found
}

func oneIf(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
