package memory

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Range is a range of guest-physical addresses.
type Range struct {
	GPA  uint64 // the first address
	Size uint64 // bytes
}

// maxVector is how many pieces one system call takes (UIO_MAXIOV).
const maxVector = 1024

// Preadv fills ranges of guest memory, in their order, with what an open file has from
// offset off on, as preadv(2): the kernel writes into guest memory without a copy
// between. It returns the number of bytes; if they are fewer than asked for, the error
// says why, and is io.EOF at the file's end. Unless all of the ranges are RAM nothing
// is read, and the error wraps ErrRange. The descriptor has to stay open meanwhile.
//
// KVM's dirty log does not name what is written so, as with WriteAt.
func (s *Space) Preadv(fd int, ranges []Range, off int64) (int, error) {
	return s.vector(fd, ranges, off, unix.Preadv)
}

// Pwritev writes ranges of guest memory to a file, in the manner of Preadv.
func (s *Space) Pwritev(fd int, ranges []Range, off int64) (int, error) {
	return s.vector(fd, ranges, off, unix.Pwritev)
}

func (s *Space) vector(fd int, ranges []Range, off int64, call func(int, [][]byte, int64) (int, error)) (int, error) {
	var few [4][]byte // as many as a small request has
	v := vector{pieces: few[:0]}
	defer v.release()
	for _, r := range ranges {
		if r.GPA+r.Size < r.GPA {
			return 0, fmt.Errorf("memory: GPA %#x, %#x bytes: %w", r.GPA, r.Size, ErrRange)
		}
		if err := s.ranges(r.GPA, r.Size, v.add); err != nil {
			return 0, err
		}
	}
	if len(v.pieces) == 0 && s.isClosed() {
		return 0, ErrClosed // what is closed has no ranges, and there is none to tell
	}
	return v.transfer(fd, off, call)
}

// vector are pieces of regions, which stay mapped until release.
type vector struct {
	pieces [][]byte
	held   []*core
}

// add takes a piece, which is inside of the region.
func (v *vector) add(r *Region, off, n uint64) error {
	c := r.c()
	if !c.guard.Acquire() {
		return ErrClosed
	}
	v.held = append(v.held, c)
	v.pieces = append(v.pieces, c.mapping.Bytes()[off:off+n])
	return nil
}

func (v *vector) release() {
	for _, c := range v.held {
		c.release()
	}
}

// transfer calls until all pieces are done.
func (v *vector) transfer(fd int, off int64, call func(int, [][]byte, int64) (int, error)) (int, error) {
	done := 0
	for left := v.pieces; len(left) > 0; {
		n, err := call(fd, left[:min(len(left), maxVector)], off+int64(done))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return done, err
		case n == 0:
			return done, io.EOF
		}
		done += n
		left = skip(left, n)
	}
	return done, nil
}

// skip leaves out the first n bytes.
func skip(pieces [][]byte, n int) [][]byte {
	for len(pieces) > 0 && n >= len(pieces[0]) {
		n -= len(pieces[0])
		pieces = pieces[1:]
	}
	if n > 0 {
		pieces[0] = pieces[0][n:]
	}
	return pieces
}
