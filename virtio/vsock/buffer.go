package vsock

// buffer is a queue of bytes of bounded size: a ring, whose memory grows with what is
// in it, by powers of 2 up to bufferSize.
type buffer struct {
	b     []byte
	start int
	n     int
}

// minBuffer is the smallest ring.
const minBuffer = 4 << 10

func (b *buffer) size() int { return b.n }

// write takes as much of p as there is room for.
func (b *buffer) write(p []byte) int {
	p = p[:min(len(p), bufferSize-b.n)]
	b.grow(b.n + len(p))
	for done := 0; done < len(p); {
		k := copy(b.free(), p[done:])
		b.n += k
		done += k
	}
	return len(p)
}

// free is the room that follows what is there, up to the end of the ring.
func (b *buffer) free() []byte {
	end := (b.start + b.n) & (len(b.b) - 1)
	return b.b[end:min(len(b.b), end+len(b.b)-b.n)]
}

// used is what is there, up to the end of the ring.
func (b *buffer) used() []byte { return b.b[b.start:min(len(b.b), b.start+b.n)] }

// read moves bytes to p.
func (b *buffer) read(p []byte) int {
	done := 0
	for done < len(p) && b.n > 0 {
		k := copy(p[done:], b.used())
		b.start = (b.start + k) & (len(b.b) - 1)
		b.n -= k
		done += k
	}
	return done
}

// grow makes the ring large enough for n bytes.
func (b *buffer) grow(n int) {
	if n <= len(b.b) {
		return
	}
	size := max(minBuffer, len(b.b))
	for size < n {
		size *= 2
	}
	b.b, b.start = append(make([]byte, 0, size), b.content()...)[:size], 0
}

// content copies what is there, in one piece.
func (b *buffer) content() []byte {
	first := b.used()
	return append(append(make([]byte, 0, b.n), first...), b.b[:b.n-len(first)]...)
}

// drop forgets everything.
func (b *buffer) drop() { *b = buffer{} }
