package kvm

import "linuxkvm/internal/sys"

// scratch is memory outside of Go's heap for what the kernel is told by address:
// structs that are in other structs' place, and what firmware reads and writes. It
// lives for one command. The first error sticks.
type scratch struct {
	parts []*sys.Guarded
	err   error
}

// room makes n zero bytes, at a multiple of 16, or nothing at address 0 for none.
func (s *scratch) room(n int) (addr uint64, mem []byte) {
	if n == 0 || s.err != nil {
		return 0, nil
	}
	g, err := sys.NewGuarded((n + 15) &^ 15)
	if err != nil {
		s.err = opError(opName("mmap"), err)
		return 0, nil
	}
	s.parts = append(s.parts, g)
	return g.Addr(), g.Bytes()[:n]
}

// put makes room for b and copies it there.
func (s *scratch) put(b []byte) (addr uint64) {
	addr, mem := s.room(len(b))
	copy(mem, b)
	return addr
}

func (s *scratch) free() {
	for _, g := range s.parts {
		g.Free()
	}
	s.parts = nil
}
