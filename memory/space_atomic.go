package memory

import (
	"fmt"

	"linuxkvm/internal/sys"
)

var pageSize = sys.PageSize()

func (s *Space) find(gpa uint64) (*Region, uint64, error) {
	m, off, ok := s.Find(gpa)
	if !ok {
		return nil, 0, fmt.Errorf("memory: GPA %#x: %w", gpa, ErrRange)
	}
	return m.Region, off, nil
}

// LoadUint16 reads the 16-bit word at a guest-physical address atomically, in
// the host's byte order. gpa must be a multiple of 2.
func (s *Space) LoadUint16(gpa uint64) (uint16, error) {
	r, off, err := s.find(gpa)
	if err != nil {
		return 0, err
	}
	return r.LoadUint16(off)
}

// StoreUint16 writes the 16-bit word at a guest-physical address atomically.
func (s *Space) StoreUint16(gpa uint64, v uint16) error {
	r, off, err := s.find(gpa)
	if err != nil {
		return err
	}
	return r.StoreUint16(off, v)
}

// LoadUint32 reads the 32-bit word at a guest-physical address atomically. gpa
// must be a multiple of 4.
func (s *Space) LoadUint32(gpa uint64) (uint32, error) {
	r, off, err := s.find(gpa)
	if err != nil {
		return 0, err
	}
	return r.LoadUint32(off)
}

// StoreUint32 writes the 32-bit word at a guest-physical address atomically.
func (s *Space) StoreUint32(gpa uint64, v uint32) error {
	r, off, err := s.find(gpa)
	if err != nil {
		return err
	}
	return r.StoreUint32(off, v)
}

// LoadUint64 reads the 64-bit word at a guest-physical address atomically. gpa
// must be a multiple of 8.
func (s *Space) LoadUint64(gpa uint64) (uint64, error) {
	r, off, err := s.find(gpa)
	if err != nil {
		return 0, err
	}
	return r.LoadUint64(off)
}

// StoreUint64 writes the 64-bit word at a guest-physical address atomically.
func (s *Space) StoreUint64(gpa uint64, v uint64) error {
	r, off, err := s.find(gpa)
	if err != nil {
		return err
	}
	return r.StoreUint64(off, v)
}
