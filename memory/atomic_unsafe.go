package memory

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// The atomic accessors are sequentially consistent and in the host's byte
// order; off is in bytes from the start of the region and must be a multiple
// of the width. They are for words a guest reads and writes at the same time.

// LoadUint16 reads a 16-bit word atomically.
func (r *Region) LoadUint16(off uint64) (uint16, error) {
	p, shift, err := r.half(off)
	if err != nil {
		return 0, err
	}
	defer r.c().release()
	return uint16(atomic.LoadUint32(p) >> shift), nil
}

// StoreUint16 writes a 16-bit word atomically. The word beside it may belong to
// the guest and is left alone.
func (r *Region) StoreUint16(off uint64, v uint16) error {
	p, shift, err := r.half(off)
	if err != nil {
		return err
	}
	defer r.c().release()
	for {
		old := atomic.LoadUint32(p)
		if atomic.CompareAndSwapUint32(p, old, old&^(0xffff<<shift)|uint32(v)<<shift) {
			return nil
		}
	}
}

// LoadUint32 reads a 32-bit word atomically.
func (r *Region) LoadUint32(off uint64) (uint32, error) {
	p, err := word[uint32](r, off)
	if err != nil {
		return 0, err
	}
	defer r.c().release()
	return atomic.LoadUint32(p), nil
}

// StoreUint32 writes a 32-bit word atomically.
func (r *Region) StoreUint32(off uint64, v uint32) error {
	p, err := word[uint32](r, off)
	if err != nil {
		return err
	}
	defer r.c().release()
	atomic.StoreUint32(p, v)
	return nil
}

// LoadUint64 reads a 64-bit word atomically.
func (r *Region) LoadUint64(off uint64) (uint64, error) {
	p, err := word[uint64](r, off)
	if err != nil {
		return 0, err
	}
	defer r.c().release()
	return atomic.LoadUint64(p), nil
}

// StoreUint64 writes a 64-bit word atomically.
func (r *Region) StoreUint64(off uint64, v uint64) error {
	p, err := word[uint64](r, off)
	if err != nil {
		return err
	}
	defer r.c().release()
	atomic.StoreUint64(p, v)
	return nil
}

// word returns a pointer to an aligned word inside the region, with the region
// acquired; the caller releases it.
func word[T uint32 | uint64](r *Region, off uint64) (*T, error) {
	var zero T
	return at[T](r, off, uint64(unsafe.Sizeof(zero)))
}

// half returns the 32-bit word around a 16-bit one and the shift to it:
// sync/atomic has nothing smaller. Both lie in one page, since 4 divides it.
func (r *Region) half(off uint64) (*uint32, uint, error) {
	if off%2 != 0 {
		return nil, 0, alignError(off, 2)
	}
	p, err := at[uint32](r, off&^3, 4)
	if err != nil {
		return nil, 0, err
	}
	shift := uint(off&2) * 8
	if bigEndian {
		shift = 16 - shift
	}
	return p, shift, nil
}

func at[T any](r *Region, off, width uint64) (*T, error) {
	if off%width != 0 {
		return nil, alignError(off, width)
	}
	if !r.c().guard.Acquire() {
		return nil, ErrClosed
	}
	if size := r.Size(); off > size-width {
		r.c().release()
		return nil, rangeError("offset", off, width, size)
	}
	// SAFETY: off is aligned and width bytes at off are inside the mapping,
	// which the guard keeps mapped until the caller releases it.
	return (*T)(unsafe.Add(r.c().mapping.Pointer(), off)), nil
}

func alignError(off, width uint64) error {
	return fmt.Errorf("memory: offset %#x of a %d-byte word: %w", off, width, ErrAlign)
}

var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1
