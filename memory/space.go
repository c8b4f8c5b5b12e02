package memory

import (
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
)

// Space is a guest's physical address space: which regions stand at which
// guest-physical addresses. The zero value is an empty Space.
//
// It is safe for concurrent use; reads and writes take no lock. It says nothing
// to KVM: whoever creates the VM puts each Mapping into a slot.
type Space struct {
	mu     sync.Mutex // held by those who change the map
	closed bool
	list   atomic.Pointer[[]entry]
}

// Mapping is one region at its guest-physical address.
type Mapping struct {
	GPA    uint64  // first guest-physical address
	Size   uint64  // bytes
	Region *Region // the memory, from its first byte on
}

type entry struct {
	Mapping
	pin *Pin
}

func (e entry) end() uint64 { return e.GPA + e.Size }

var (
	_ io.ReaderAt = (*Space)(nil)
	_ io.WriterAt = (*Space)(nil)
)

// Map puts the whole region r at the guest-physical address gpa, which must be
// a multiple of the page size, and pins it. Overlapping mappings are refused.
func (s *Space) Map(gpa uint64, r *Region) error {
	if gpa%uint64(pageSize) != 0 {
		return fmt.Errorf("memory: GPA %#x: %w: want a multiple of the page size %d", gpa, ErrAlign, pageSize)
	}
	size := r.Size()
	if gpa > math.MaxInt64-size {
		return fmt.Errorf("memory: %#x bytes at GPA %#x reach beyond the largest address", size, gpa)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	old := s.entries()
	i := sort.Search(len(old), func(i int) bool { return old[i].GPA >= gpa })
	for _, near := range old[max(i-1, 0):min(i+1, len(old))] {
		if gpa < near.end() && near.GPA < gpa+size {
			return fmt.Errorf("memory: %#x bytes at GPA %#x overlap the %#x bytes at GPA %#x", size, gpa, near.Size, near.GPA)
		}
	}
	pin, err := r.Pin()
	if err != nil {
		return err
	}
	list := slices.Insert(slices.Clone(old), i, entry{Mapping{gpa, size, r}, pin})
	s.list.Store(&list)
	return nil
}

// Unmap takes the mapping that starts at gpa away and ends its pin.
func (s *Space) Unmap(gpa uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.entries()
	i := slices.IndexFunc(old, func(e entry) bool { return e.GPA == gpa })
	if i < 0 {
		return fmt.Errorf("memory: no mapping starts at GPA %#x: %w", gpa, ErrRange)
	}
	list := slices.Delete(slices.Clone(old), i, i+1)
	s.list.Store(&list)
	old[i].pin.Release()
	return nil
}

// Close empties the space and ends its pins; the regions stay the caller's to
// close. Closing a closed space does nothing.
func (s *Space) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, e := range s.entries() {
		e.pin.Release()
	}
	s.list.Store(nil)
	return nil
}

func (s *Space) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Mappings returns what is mapped, by ascending GPA.
func (s *Space) Mappings() []Mapping {
	var out []Mapping
	for _, e := range s.entries() {
		out = append(out, e.Mapping)
	}
	return out
}

// Size returns the number of bytes of RAM in the space.
func (s *Space) Size() uint64 {
	var n uint64
	for _, e := range s.entries() {
		n += e.Size
	}
	return n
}

func (s *Space) entries() []entry {
	if p := s.list.Load(); p != nil {
		return *p
	}
	return nil
}

// Find returns the mapping that holds gpa and the offset of gpa in its region.
func (s *Space) Find(gpa uint64) (m Mapping, off uint64, ok bool) {
	list := s.entries()
	i := sort.Search(len(list), func(i int) bool { return list[i].end() > gpa })
	if i == len(list) || gpa < list[i].GPA {
		return Mapping{}, 0, false
	}
	return list[i].Mapping, gpa - list[i].GPA, true
}

// ReadAt copies len(p) bytes of guest memory at the guest-physical address gpa
// into p. Mappings that touch are read as one. Where RAM ends it stops and
// returns the bytes read so far and an error that wraps ErrRange.
func (s *Space) ReadAt(p []byte, gpa int64) (int, error) {
	return s.walk(p, gpa, (*Region).ReadAt)
}

// WriteAt copies p to the guest-physical address gpa, in the manner of ReadAt.
func (s *Space) WriteAt(p []byte, gpa int64) (int, error) {
	return s.walk(p, gpa, (*Region).WriteAt)
}

func (s *Space) walk(p []byte, gpa int64, step func(*Region, []byte, int64) (int, error)) (int, error) {
	done := 0
	for done < len(p) {
		m, off, ok := s.Find(uint64(gpa) + uint64(done))
		if !ok {
			return done, fmt.Errorf("memory: GPA %#x, %d bytes: %w", uint64(gpa)+uint64(done), len(p)-done, ErrRange)
		}
		n := min(uint64(len(p)-done), m.Size-off)
		k, err := step(m.Region, p[done:done+int(n)], int64(off))
		done += k
		if err != nil {
			return done, err
		}
	}
	return done, nil
}
