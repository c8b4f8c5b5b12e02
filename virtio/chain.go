package virtio

import "errors"

// Chain is one request of a driver: buffers that the device reads, followed by
// buffers that it writes. It is used by one goroutine at a time, until Release.
type Chain struct {
	// Readable is what the driver says, Writable where it wants the answer.
	Readable, Writable Buffers

	queue    *Queue
	head     uint16
	indirect bool // was negotiated
	released bool
	desc     [descSize]byte // to read into
}

// errReleased is a mistake of a device, not of a driver.
var errReleased = errors.New("virtio: chain was released before")

// reset makes a chain ready for another request, keeping its slices.
func (c *Chain) reset(q *Queue, head uint16) {
	*c = Chain{
		Readable: Buffers{mem: q.mem, segments: c.Readable.segments[:0]},
		Writable: Buffers{mem: q.mem, segments: c.Writable.segments[:0]},
		queue:    q, head: head, indirect: q.cfg.Indirect,
	}
}

// Release gives the chain back to the driver and tells it that the first n bytes of
// Writable are written; fewer than Writable has. The driver is interrupted if it
// wants to be. The chain may be reused by a later Next: it must not be used any
// more. A stopped queue takes nothing back: ErrStopped.
func (c *Chain) Release(n int) error {
	if c.released {
		return errReleased
	}
	c.released = true
	return c.queue.push(c, uint32(min(uint64(n), c.Writable.size)))
}
