package net

import (
	"encoding/binary"

	"linuxkvm/virtio"
)

// receiver gives the guest its packets.
type receiver struct {
	d         *Device
	q         *virtio.Queue
	mergeable bool

	// chains are buffers of the guest that have no packet yet, room is their size.
	chains  []*virtio.Chain
	written []int
	room    int
}

// run passes packets on until the session ends. A packet is taken from the backend
// only when the guest has a buffer: until then the backend keeps, or drops, them.
func (r *receiver) run() {
	packet := make([]byte, MaxPacket)
	for r.await() {
		n, err := r.d.cfg.Backend.ReadPacket(packet)
		if err != nil {
			return
		}
		if n < HeaderSize+minFrame || n > len(packet) || r.d.isDown() {
			r.d.receiveDropped.Add(1)
			continue
		}
		if !r.pass(packet[:n]) {
			return
		}
	}
}

// await waits for a buffer; false if the session has ended.
func (r *receiver) await() bool {
	if len(r.chains) > 0 {
		return true
	}
	c, err := r.q.Next()
	if err != nil {
		return false
	}
	r.add(c)
	return true
}

func (r *receiver) add(c *virtio.Chain) {
	r.chains = append(r.chains, c)
	r.room += c.Writable.Size()
}

// pass gives the guest a packet, or drops it where its buffers are too small or too
// few. It is false if the session has ended.
func (r *receiver) pass(p []byte) bool {
	if !r.gather(len(p)) {
		return false
	}
	if r.chains[0].Writable.Size() < HeaderSize || r.room < len(p) {
		return r.drop()
	}
	n := r.count(len(p))
	binary.LittleEndian.PutUint16(p[10:], uint16(n))
	r.written = r.written[:0]
	for _, c := range r.chains[:n] {
		k, err := c.Writable.WriteAt(p[:min(len(p), c.Writable.Size())], 0)
		if err != nil {
			r.q.Break(err)
			return false
		}
		p = p[k:]
		r.written = append(r.written, k)
	}
	r.d.received.Add(1)
	return r.release(n)
}

// gather takes as many buffers as n bytes need, if the guest has given them.
func (r *receiver) gather(n int) bool {
	for r.mergeable && r.room < n && len(r.chains) < r.q.Size() {
		c, err := r.q.TryNext()
		if err != nil {
			return false
		}
		if c == nil {
			break
		}
		r.add(c)
	}
	return true
}

// count is how many buffers n bytes take.
func (r *receiver) count(n int) int {
	for i, c := range r.chains {
		if n -= c.Writable.Size(); n <= 0 {
			return i + 1
		}
	}
	return len(r.chains)
}

// drop loses a packet. The buffers are kept for the next one, except those that would
// be in the way for ever: too small for a header, or all that the queue can have and
// still too few.
func (r *receiver) drop() bool {
	r.d.receiveDropped.Add(1)
	if r.chains[0].Writable.Size() >= HeaderSize && len(r.chains) < r.q.Size() {
		return true
	}
	r.written = append(r.written[:0], make([]int, len(r.chains))...)
	return r.release(len(r.chains))
}

// release gives the first n buffers back.
func (r *receiver) release(n int) bool {
	for _, c := range r.chains[:n] {
		r.room -= c.Writable.Size()
	}
	if virtio.ReleaseAll(r.chains[:n], r.written) != nil {
		return false
	}
	r.chains = append(r.chains[:0], r.chains[n:]...)
	return true
}
