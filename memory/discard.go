package memory

import "fmt"

// Discard gives the host memory under a range of the region back to the host, which
// uses it for something else. The range stays mapped: the next read of it gives
// zeros, and the next write takes new memory. off and n are bytes and multiples of
// the page size; a range that is not wholly inside of the region is refused.
//
// A guest may go on running. KVM forgets the pages by itself, but its dirty log does
// not name them: who saves memory by the log must treat a discarded range as
// written.
func (r *Region) Discard(off, n uint64) error {
	if off%uint64(pageSize) != 0 || n%uint64(pageSize) != 0 {
		return fmt.Errorf("memory: discard %#x bytes at offset %#x: %w: want multiples of the page size %d", n, off, ErrAlign, pageSize)
	}
	if size := r.Size(); off > size || n > size-off {
		return rangeError("discard from offset", off, n, size)
	}
	if !r.c().guard.Acquire() {
		return ErrClosed
	}
	defer r.c().release()
	if n == 0 {
		return nil
	}
	if err := r.c().mapping.Discard(uintptr(off), uintptr(n)); err != nil {
		return fmt.Errorf("memory: discard %#x bytes at offset %#x: %w", n, off, err)
	}
	return nil
}

// Discard is Region.Discard for guest-physical addresses. The range may reach over
// mappings that touch. Unless all of it is RAM nothing is discarded, and the error
// wraps ErrRange.
func (s *Space) Discard(gpa, n uint64) error {
	if gpa%uint64(pageSize) != 0 || n%uint64(pageSize) != 0 {
		return fmt.Errorf("memory: discard %#x bytes at GPA %#x: %w: want multiples of the page size %d", n, gpa, ErrAlign, pageSize)
	}
	if gpa+n < gpa {
		return fmt.Errorf("memory: discard %#x bytes at GPA %#x: %w", n, gpa, ErrRange)
	}
	if s.isClosed() {
		return ErrClosed
	}
	nothing := func(*Region, uint64, uint64) error { return nil }
	if err := s.ranges(gpa, n, nothing); err != nil {
		return err
	}
	return s.ranges(gpa, n, (*Region).Discard)
}

// ranges calls step for each piece of a region in a range of RAM.
func (s *Space) ranges(gpa, n uint64, step func(r *Region, off, n uint64) error) error {
	for n > 0 {
		m, off, ok := s.Find(gpa)
		if !ok {
			return fmt.Errorf("memory: GPA %#x, %#x bytes: %w", gpa, n, ErrRange)
		}
		k := min(n, m.Size-off)
		if err := step(m.Region, off, k); err != nil {
			return err
		}
		gpa, n = gpa+k, n-k
	}
	return nil
}
