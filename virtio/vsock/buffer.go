package vsock

// buffer is a queue of bytes of bounded size. Its memory grows with what is in it.
type buffer struct {
	b     []byte
	start int
}

func (b *buffer) size() int { return len(b.b) - b.start }

// write takes as much of p as there is room for.
func (b *buffer) write(p []byte) int {
	n := min(len(p), bufferSize-b.size())
	if b.start > 0 && len(b.b)+n > cap(b.b) {
		b.b = b.b[:copy(b.b, b.b[b.start:])]
		b.start = 0
	}
	b.b = append(b.b, p[:n]...)
	return n
}

// read moves bytes to p.
func (b *buffer) read(p []byte) int {
	n := copy(p, b.b[b.start:])
	if b.start += n; b.start == len(b.b) {
		b.b, b.start = b.b[:0], 0
	}
	return n
}

// drop forgets everything.
func (b *buffer) drop() { *b = buffer{} }
