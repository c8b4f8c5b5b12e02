package kvm

import (
	"fmt"

	"linuxkvm/internal/sys"
	"linuxkvm/memory"
)

// MemoryRange is part of a Region.
type MemoryRange struct {
	Region *memory.Region
	Offset uint64 // where in Region it begins, in bytes
	Size   uint64 // bytes; 0 means all of Region from Offset on
}

// pin checks the range, whose ends must be multiples of align, keeps its memory
// mapped and returns the host-virtual address of its first byte.
func (r *MemoryRange) pin(op fmt.Stringer, align uint64) (addr uint64, pin *memory.Pin, err error) {
	if r.Region == nil {
		return 0, nil, invalid("%v: nil Region", op)
	}
	size := r.Region.Size()
	if r.Offset >= size {
		return 0, nil, invalid("%v: offset %#x is outside of its region of %#x bytes", op, r.Offset, size)
	}
	if r.Size == 0 {
		r.Size = size - r.Offset
	}
	if r.Size > size-r.Offset {
		return 0, nil, invalid("%v: %#x bytes at offset %#x are outside of their region of %#x bytes", op, r.Size, r.Offset, size)
	}
	if r.Offset%align != 0 || r.Size%align != 0 {
		return 0, nil, invalid("%v: offset %#x and size %#x must be multiples of %#x", op, r.Offset, r.Size, align)
	}
	pin, err = r.Region.Pin()
	if err != nil {
		return 0, nil, opError(op, err)
	}
	return uint64(r.Region.Addr()) + r.Offset, pin, nil
}

func pageSize() uint64 { return uint64(sys.PageSize()) }
