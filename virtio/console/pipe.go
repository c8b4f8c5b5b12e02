package console

import "sync"

// pipe is a bounded buffer of bytes between one goroutine that puts and one that
// takes. Both can give up waiting; what is in it stays.
type pipe struct {
	room, data chan struct{} // one of each is a hint to look again

	mu    sync.Mutex
	bytes []byte
	limit int
	put   uint64 // bytes ever
	taken uint64
	waits []wait
}

// wait is for somebody who waits until so many bytes are taken.
type wait struct {
	target uint64
	done   chan struct{}
}

func newPipe(limit int) *pipe {
	return &pipe{
		room: make(chan struct{}, 1), data: make(chan struct{}, 1),
		bytes: make([]byte, 0, limit), limit: limit,
	}
}

func hint(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// tryPut puts as much of p as there is room for.
func (b *pipe) tryPut(p []byte) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(p), b.limit-len(b.bytes))
	if n > 0 {
		b.bytes = append(b.bytes, p[:n]...)
		b.put += uint64(n)
		hint(b.data)
	}
	return n
}

// putAll waits until all of p is in, or until one of two channels is closed.
func (b *pipe) putAll(p []byte, end1, end2 <-chan struct{}) bool {
	for {
		if p = p[b.tryPut(p):]; len(p) == 0 {
			return true
		}
		select {
		case <-b.room:
		case <-end1:
			return false
		case <-end2:
			return false
		}
	}
}

// wait waits until there are bytes, or until a channel is closed.
func (b *pipe) wait(end <-chan struct{}) bool {
	for b.size() == 0 {
		select {
		case <-b.data:
		case <-end:
			return false
		}
	}
	return true
}

func (b *pipe) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.bytes)
}

// peek copies the first bytes to p and leaves them in.
func (b *pipe) peek(p []byte) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return copy(p, b.bytes)
}

// drop takes the first n bytes.
func (b *pipe) drop(n int) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bytes = b.bytes[:copy(b.bytes, b.bytes[n:])]
	b.taken += uint64(n)
	kept := b.waits[:0]
	for _, w := range b.waits {
		if w.target <= b.taken {
			close(w.done)
		} else {
			kept = append(kept, w)
		}
	}
	b.waits = kept
	hint(b.room)
}

// taking returns a channel that is closed when all is taken that is in now.
func (b *pipe) taking() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := wait{b.put, make(chan struct{})}
	if w.target == b.taken {
		close(w.done)
	} else {
		b.waits = append(b.waits, w)
	}
	return w.done
}
