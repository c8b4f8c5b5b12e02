package sys

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Mapping owns one mapped address range of this process.
//
// Go code that got hold of a pointer or slice into the range (see Expose)
// cannot be found again, and Go could later put its own heap at the address.
// So an exposed range is never given back: Destroy puts private zero pages
// under it instead. What was there is released, and a stale pointer reads
// zeros and reaches nobody's memory.
type Mapping struct {
	base    unsafe.Pointer
	size    uintptr
	private bool
	exposed atomic.Bool
	kept    bool   // see KeepRange
	after   func() // see AfterDestroy
}

// MapAnonymous maps size bytes of zeroed shared memory, readable and
// writable, not counted against the commit limit until touched.
func MapAnonymous(size uintptr) (*Mapping, error) {
	return mmap(nil, size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE, -1, 0)
}

// MapFile maps size bytes of fd from offset on, shared, readable and writable.
func MapFile(fd int, offset int64, size uintptr) (*Mapping, error) {
	return mmap(nil, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED, fd, offset)
}

func mmap(addr unsafe.Pointer, size uintptr, prot, flags, fd int, offset int64) (*Mapping, error) {
	base, err := unix.MmapPtr(fd, offset, addr, size, prot, flags)
	if err != nil {
		return nil, err
	}
	return &Mapping{base: base, size: size}, nil
}

// Size returns the length of the range in bytes.
func (m *Mapping) Size() uintptr { return m.size }

// Addr returns the host-virtual address of the range.
func (m *Mapping) Addr() uintptr { return uintptr(m.base) }

// Pointer returns the start of the range. Whoever hands a pointer on to code
// outside this module calls Expose first.
func (m *Mapping) Pointer() unsafe.Pointer { return m.base }

// Bytes returns the range as a slice, under the same condition.
func (m *Mapping) Bytes() []byte {
	// SAFETY: the mapping is size bytes long and readable and writable.
	return unsafe.Slice((*byte)(m.base), m.size)
}

// Expose records that a pointer into the range left this module.
func (m *Mapping) Expose() { m.exposed.Store(true) }

// Exposed reports whether Expose was called.
func (m *Mapping) Exposed() bool { return m.exposed.Load() }

// KeepRange makes Destroy retire the range in any case: for a range that the
// kernel may still write to when this module has no more use for it. It is called
// before the mapping is shared.
func (m *Mapping) KeepRange() { m.kept = true }

// RangeKept reports whether KeepRange was called.
func (m *Mapping) RangeKept() bool { return m.kept }

// AfterDestroy has f called at the end of Destroy. It is called before the
// mapping is shared.
func (m *Mapping) AfterDestroy(f func()) { m.after = f }

// Destroy gives the range back, or retires it when it was exposed. It must be
// called once, when nothing of this module uses the range any more.
func (m *Mapping) Destroy() {
	m.unmap()
	if m.after != nil {
		m.after()
	}
}

func (m *Mapping) unmap() {
	if !m.exposed.Load() && !m.kept {
		// The arguments are those of a live mapping: munmap cannot fail on
		// them short of a VMA limit, and then the range stays mapped.
		_ = unix.MunmapPtr(m.base, m.size)
		return
	}
	_, err := unix.MmapPtr(-1, 0, m.base, m.size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED|unix.MAP_NORESERVE)
	if err != nil {
		// Releasing the pages is all that is left to do; the range stays
		// reserved, which is what matters.
		_ = m.Discard(0, m.size)
	}
}
