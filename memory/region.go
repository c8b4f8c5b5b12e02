package memory

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"

	"linuxkvm/internal/sys"
)

// Region is one contiguous mapping of host memory that can be guest RAM.
//
// It is safe for concurrent use. A Region that is dropped without Close is
// unmapped by the garbage collector, but only when nothing pins it and Bytes
// was never called.
type Region struct {
	core *core
}

// core is what outlives the handle: the mapping and the count of its users. A
// pin is a user that stays.
type core struct {
	mapping *sys.Mapping
	guard   sys.Guard

	mu   sync.Mutex
	pins int
}

var (
	_ io.ReaderAt = (*Region)(nil)
	_ io.WriterAt = (*Region)(nil)
)

// New maps length bytes of zeroed memory: shared, anonymous, readable and
// writable. Host memory is used only for the pages that are touched. length
// must be a positive multiple of the host's page size.
//
// The host gives such memory small pages, as a rule (its setting is
// /sys/kernel/mm/transparent_hugepage/shmem_enabled): for the RAM of a machine there
// is NewPrivate.
func New(length int) (*Region, error) {
	if err := checkLength(length); err != nil {
		return nil, err
	}
	m, err := sys.MapAnonymous(uintptr(length))
	if err != nil {
		return nil, fmt.Errorf("memory: map %d bytes: %w", length, err)
	}
	return newRegion(m), nil
}

// NewPrivate is New of memory that no other process can share, and that has
// transparent huge pages unless the host is set to never use them
// (madvise(2), MADV_HUGEPAGE): a guest then faults once in 2 MiB and not in 4 KiB.
// The region begins at a multiple of 2 MiB, and so should its guest-physical address,
// or KVM maps small pages. What a guest touches takes more of the host's memory.
func NewPrivate(length int) (*Region, error) {
	if err := checkLength(length); err != nil {
		return nil, err
	}
	m, err := sys.MapPrivate(uintptr(length))
	if err != nil {
		return nil, fmt.Errorf("memory: map %d bytes: %w", length, err)
	}
	return newRegion(m), nil
}

// NewMemfd is New on an anonymous file (memfd) with the given name, which the
// kernel shows in /proc/pid/maps. The memory can neither shrink nor be
// reached from outside of the process.
func NewMemfd(name string, length int) (*Region, error) {
	if err := checkLength(length); err != nil {
		return nil, err
	}
	fd, err := sys.NewMemFD(name, int64(length))
	if err != nil {
		return nil, fmt.Errorf("memory: memfd %q of %d bytes: %w", name, length, err)
	}
	// The mapping keeps the file; the descriptor is not needed any more.
	defer sys.CloseFD(fd)
	m, err := sys.MapFile(fd, 0, uintptr(length))
	if err != nil {
		return nil, fmt.Errorf("memory: map memfd %q of %d bytes: %w", name, length, err)
	}
	return newRegion(m), nil
}

// FromMapping makes a Region of a mapping, which is the Region's from then on. It
// is for the other packages of this module, which have files to map that cannot
// shrink.
func FromMapping(m *sys.Mapping) *Region { return newRegion(m) }

func checkLength(length int) error {
	page := sys.PageSize()
	if length <= 0 || length%page != 0 {
		return fmt.Errorf("memory: length %d: %w: want a positive multiple of the page size %d", length, ErrAlign, page)
	}
	return nil
}

func newRegion(m *sys.Mapping) *Region {
	r := &Region{core: &core{mapping: m}}
	runtime.AddCleanup(r, (*core).forgotten, r.c())
	return r
}

// forgotten closes a region nobody holds any more. Bytes may still be held
// where the collector cannot see it, and then the mapping must stay.
func (c *core) forgotten() {
	if !c.mapping.Exposed() {
		c.close()
	}
}

func (c *core) close() {
	if _, destroy := c.guard.Close(); destroy {
		c.mapping.Destroy()
	}
}

func (c *core) release() {
	if c.guard.Release() {
		c.mapping.Destroy()
	}
}

// closedCore stands for the mapping that a zero Region has not: a closed one.
var closedCore = func() *core {
	c := &core{mapping: new(sys.Mapping)}
	c.close()
	return c
}()

func (r *Region) c() *core {
	if r == nil || r.core == nil {
		return closedCore
	}
	return r.core
}

// Close unmaps the region. It returns ErrInUse, and does nothing, while the
// region is pinned, as it is in a Space or in a slot of a VM. Accesses in
// progress finish first. Closing a closed region does nothing.
func (r *Region) Close() error {
	c := r.c()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pins > 0 && !c.guard.Closed() {
		return ErrInUse
	}
	c.close()
	return nil
}

// Size returns the length of the region in bytes. It stays after Close.
func (r *Region) Size() uint64 { return uint64(r.c().mapping.Size()) }

// Addr returns the host-virtual address of the region: what KVM calls
// userspace_addr. It is meant for printing and for comparing with /proc/pid/maps.
func (r *Region) Addr() uintptr { return r.c().mapping.Addr() }

// Bytes returns the whole region as a slice that shares its memory, for reading
// and writing in place. A guest may change the bytes at any moment.
//
// The slice must not be used after Close: it then reads zeros and what is
// written is lost. Since it cannot be known who still holds it, the address
// range (not the memory) of a region whose Bytes was called stays reserved
// after Close, and the garbage collector never closes such a region. ReadAt and
// WriteAt cost neither.
func (r *Region) Bytes() ([]byte, error) {
	if !r.c().guard.Acquire() {
		return nil, ErrClosed
	}
	defer r.c().release()
	r.c().mapping.Expose()
	return r.c().mapping.Bytes(), nil
}

// ReadAt copies len(p) bytes at offset off of the region into p. It copies
// nothing when the range is not wholly inside the region.
func (r *Region) ReadAt(p []byte, off int64) (int, error) {
	return r.access(p, off, func(inside []byte) int { return copy(p, inside) })
}

// WriteAt copies p to offset off of the region. It writes nothing when the
// range is not wholly inside the region.
func (r *Region) WriteAt(p []byte, off int64) (int, error) {
	return r.access(p, off, func(inside []byte) int { return copy(inside, p) })
}

func (r *Region) access(p []byte, off int64, do func([]byte) int) (int, error) {
	if !r.c().guard.Acquire() {
		return 0, ErrClosed
	}
	defer r.c().release()
	b := r.c().mapping.Bytes()
	if off < 0 || off > math.MaxInt64-int64(len(p)) || off+int64(len(p)) > int64(len(b)) {
		return 0, rangeError("offset", uint64(off), uint64(len(p)), uint64(len(b)))
	}
	return do(b[off : off+int64(len(p))]), nil
}

// Pin keeps a region mapped, and Close refused, until it is released.
type Pin struct {
	once sync.Once
	core *core
}

// Pin pins the region. A VM pins what stands in its slots; callers need it only
// when they hand the region's address to something else that uses it.
func (r *Region) Pin() (*Pin, error) {
	c := r.c()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.guard.Acquire() {
		return nil, ErrClosed
	}
	c.pins++
	return &Pin{core: c}, nil
}

// Release ends the pin. Releasing it again does nothing.
func (p *Pin) Release() {
	p.once.Do(func() {
		p.core.mu.Lock()
		p.core.pins--
		p.core.mu.Unlock()
		p.core.release()
	})
}

// RangeKept reports whether the region's address range is given to nothing else
// even after the region is closed.
func (p *Pin) RangeKept() bool { return p.core.mapping.RangeKept() }
