package virtio

import (
	"errors"

	"linuxkvm/memory"
)

// Preadv fills the next n bytes with what a file has from offset off on; ErrShort where
// there are fewer. The error is io.EOF at the file's end, and wraps ErrBroken where a
// buffer is no memory. The descriptor has to stay open meanwhile.
func (b *Buffers) Preadv(fd, n int, off int64) (int, error) {
	return b.transfer(n, func(r []memory.Range) (int, error) { return b.mem.Preadv(fd, r, off) })
}

// Pwritev writes the next n bytes to a file, in the manner of Preadv.
func (b *Buffers) Pwritev(fd, n int, off int64) (int, error) {
	return b.transfer(n, func(r []memory.Range) (int, error) { return b.mem.Pwritev(fd, r, off) })
}

func (b *Buffers) transfer(n int, step func([]memory.Range) (int, error)) (int, error) {
	if n < 0 || n > b.Left() {
		return 0, ErrShort
	}
	var few [4]memory.Range
	done, err := step(b.ranges(few[:0], uint64(n)))
	b.from.off += uint64(done)
	if errors.Is(err, memory.ErrRange) || errors.Is(err, memory.ErrClosed) {
		err = broken("a buffer outside of memory: %v", err)
	}
	return done, err
}

// ranges adds the next n bytes, which there are.
func (b *Buffers) ranges(list []memory.Range, n uint64) []memory.Range {
	for c := b.from; n > 0; c.index++ {
		s := b.segments[c.index]
		if in := c.off - c.start; in < s.size {
			k := min(s.size-in, n)
			list = append(list, memory.Range{GPA: s.addr + in, Size: k})
			c.off, n = c.off+k, n-k
		}
		c.start += s.size
	}
	return list
}
