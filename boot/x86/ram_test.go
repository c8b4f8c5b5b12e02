package x86

import (
	"errors"
	"testing"

	"linuxkvm/boot"
)

var errOutside = errors.New("outside RAM")

// ram is guest memory for tests: a slice from GPA 0 on. It fills on demand, so
// that a layout of gigabytes costs what is written.
type ram struct {
	l     Layout
	pages map[uint64]*[PageSize]byte
}

func newRAM(l Layout) *ram { return &ram{l, map[uint64]*[PageSize]byte{}} }

func (r *ram) walk(n int, off int64, f func(page []byte, done int)) (int, error) {
	span := boot.Range{Start: uint64(off), Size: uint64(n)}
	if off < 0 || !r.l.Low().Contains(span) && !r.l.High().Contains(span) {
		return 0, errOutside
	}
	for done := 0; done < n; {
		at := uint64(off) + uint64(done)
		p := r.pages[at/PageSize]
		if p == nil {
			p = new([PageSize]byte)
			r.pages[at/PageSize] = p
		}
		part := p[at%PageSize:]
		if len(part) > n-done {
			part = part[:n-done]
		}
		f(part, done)
		done += len(part)
	}
	return n, nil
}

func (r *ram) ReadAt(b []byte, off int64) (int, error) {
	return r.walk(len(b), off, func(p []byte, done int) { copy(b[done:], p) })
}

func (r *ram) WriteAt(b []byte, off int64) (int, error) {
	return r.walk(len(b), off, func(p []byte, done int) { copy(p, b[done:]) })
}

func (r *ram) read(t testing.TB, gpa uint64, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := r.ReadAt(b, int64(gpa)); err != nil {
		t.Fatalf("read %d bytes at %#x: %v", n, gpa, err)
	}
	return b
}

func layout(t testing.TB, mib uint64) Layout {
	t.Helper()
	l, err := NewLayout(mib << 20)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
