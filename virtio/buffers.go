package virtio

import (
	"io"
	"iter"
)

// segment is a contiguous range of guest-physical addresses.
type segment struct{ addr, size uint64 }

// Buffers are the bytes of several segments of guest memory, one after the other.
// Offsets count from the first byte of the first one. What the guest writes at the
// same time may be seen or not: copy what must not change.
type Buffers struct {
	mem      Memory
	segments []segment
	size     uint64
	from     cursor // where Read and Write go on
}

// cursor is a place in the segments: a walk that goes forward does not begin anew.
type cursor struct {
	index int    // of the segment
	start uint64 // offset of the segment's first byte
	off   uint64
}

var (
	_ io.ReaderAt = (*Buffers)(nil)
	_ io.WriterAt = (*Buffers)(nil)
	_ io.Reader   = (*Buffers)(nil)
	_ io.Writer   = (*Buffers)(nil)
)

func (b *Buffers) add(s segment) {
	if s.size == 0 {
		return
	}
	b.segments = append(b.segments, s)
	b.size += s.size
}

// Size returns the number of bytes.
func (b *Buffers) Size() int { return int(b.size) }

// Segments yields the guest-physical address and the size of each segment that is
// not empty. None is checked: an address may be outside of RAM.
func (b *Buffers) Segments() iter.Seq2[uint64, uint64] {
	return func(yield func(gpa, size uint64) bool) {
		for _, s := range b.segments {
			if !yield(s.addr, s.size) {
				return
			}
		}
	}
}

// Left returns the number of bytes that Read or Write have not yet reached.
func (b *Buffers) Left() int { return int(b.size - b.from.off) }

// ReadAt copies bytes from offset off on into p. Where the buffers end before p
// does, it returns what there is and ErrShort.
func (b *Buffers) ReadAt(p []byte, off int64) (int, error) {
	return b.each(p, uint64(off), b.mem.ReadAt)
}

// WriteAt copies p to offset off, in the manner of ReadAt.
func (b *Buffers) WriteAt(p []byte, off int64) (int, error) {
	return b.each(p, uint64(off), b.mem.WriteAt)
}

// Read copies the next bytes into p, as io.Reader says: io.EOF after the last.
func (b *Buffers) Read(p []byte) (int, error) {
	if left := b.Left(); len(p) > left {
		if left == 0 {
			return 0, io.EOF
		}
		p = p[:left]
	}
	n, err := b.move(&b.from, p, b.mem.ReadAt)
	return n, err
}

// Write copies p to the next bytes; ErrShort where they end.
func (b *Buffers) Write(p []byte) (int, error) { return b.move(&b.from, p, b.mem.WriteAt) }

// Skip goes n bytes forward, or to the end.
func (b *Buffers) Skip(n int) { b.from.off += uint64(min(n, b.Left())) }

func (b *Buffers) each(p []byte, off uint64, step func([]byte, int64) (int, error)) (int, error) {
	if off > b.size {
		return 0, ErrShort
	}
	c := cursor{off: off}
	return b.move(&c, p, step)
}

// move copies between p and the bytes from c on, and moves c.
func (b *Buffers) move(c *cursor, p []byte, step func([]byte, int64) (int, error)) (int, error) {
	done := 0
	for done < len(p) {
		if c.off >= b.size {
			return done, ErrShort
		}
		s := b.segments[c.index]
		in := c.off - c.start
		if in >= s.size {
			c.index, c.start = c.index+1, c.start+s.size
			continue
		}
		n := min(s.size-in, uint64(len(p)-done))
		k, err := step(p[done:done+int(n)], int64(s.addr+in))
		done, c.off = done+k, c.off+uint64(k)
		if err != nil {
			return done, broken("a buffer outside of memory: %v", err)
		}
	}
	return done, nil
}
