package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Guarded is memory for the kernel to read or write at an address it is given as
// a number, when only the kernel knows how much it will access: it ends at a page
// that nobody may touch, so that going too far is EFAULT and nothing else.
type Guarded struct {
	whole []byte
	n     int
}

// NewGuarded maps n zero bytes, n from 0 on.
func NewGuarded(n int) (*Guarded, error) {
	page := PageSize()
	room := (n + page - 1) / page * page
	whole, err := unix.Mmap(-1, 0, room+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	g := &Guarded{whole: whole, n: n}
	if err := unix.Mprotect(whole[room:], unix.PROT_NONE); err != nil {
		g.Free()
		return nil, err
	}
	return g, nil
}

// Bytes returns the memory, good until Free.
func (g *Guarded) Bytes() []byte {
	end := len(g.whole) - PageSize()
	return g.whole[end-g.n : end]
}

// Addr returns the address of the first byte.
func (g *Guarded) Addr() uint64 {
	// SAFETY: only a number comes of it; the memory is outside of Go's heap.
	base := uintptr(unsafe.Pointer(unsafe.SliceData(g.whole)))
	return uint64(base) + uint64(len(g.whole)-PageSize()-g.n)
}

// Free unmaps the memory, once.
func (g *Guarded) Free() { _ = unix.Munmap(g.whole) }
