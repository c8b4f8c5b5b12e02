package vsock

import "linuxkvm/virtio"

// eventReset is VIRTIO_VSOCK_EVENT_TRANSPORT_RESET.
var eventReset = []byte{0, 0, 0, 0}

// Reset ends every connection and tells the guest's driver so, which then reads its
// CID anew. It is for a guest that goes on where its peers do not: one restored from
// a snapshot.
func (d *Device) Reset() {
	d.mu.Lock()
	d.failAll()
	d.room.Broadcast()
	d.mu.Unlock()
	select {
	case d.moved <- struct{}{}:
	default: // it will be told anyway
	}
}

// events tells the guest of resets until the session ends.
func (d *Device) events(s *virtio.Session) {
	q := s.Queues[eventQueue]
	if q == nil {
		return
	}
	for {
		select {
		case <-s.Context.Done():
			return
		case <-d.moved:
		}
		c, err := q.Next()
		if err != nil {
			return
		}
		n, _ := c.Writable.Write(eventReset) // as much as there is room for
		if c.Release(n) != nil {
			return
		}
	}
}
