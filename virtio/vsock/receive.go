package vsock

import (
	"linuxkvm/virtio"
)

// receive takes packets from the guest until the session ends.
func (d *Device) receive(q *virtio.Queue) {
	payload := make([]byte, packetSize)
	for {
		c, err := q.Next()
		if err != nil {
			return
		}
		var raw [headerSize]byte
		var h header
		if _, err := c.Readable.ReadAt(raw[:], 0); err == nil {
			h.decode(&raw)
			d.take(&h, c, payload)
		}
		if c.Release(0) != nil {
			return
		}
	}
}

// take acts on a packet.
func (d *Device) take(h *header, c *virtio.Chain, buf []byte) {
	if h.srcCID != d.cid {
		return // the guest is nobody else
	}
	data, ok := payload(h, c, buf)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !ok || h.dstCID != HostCID || h.kind != kindStream {
		d.refuse(h)
		return
	}
	conn := d.conns[key{h.dstPort, h.srcPort}]
	switch {
	case conn != nil:
		conn.take(h, data)
		d.wake(conn)
	case h.op == opRequest:
		d.accept(h)
	default:
		d.refuse(h)
	}
}

// payload copies the data of a packet to buf, once; false if it is not there, or
// more than a packet may have.
func payload(h *header, c *virtio.Chain, buf []byte) ([]byte, bool) {
	if h.op != opRW || h.size == 0 {
		return nil, h.op != opRW || h.size == 0
	}
	if h.size > uint32(len(buf)) {
		return nil, false
	}
	_, err := c.Readable.ReadAt(buf[:h.size], headerSize)
	return buf[:h.size], err == nil
}

// accept makes a connection for a listener.
func (d *Device) accept(h *header) {
	l := d.listeners[h.dstPort]
	if l == nil || len(l.backlog) == cap(l.backlog) || len(d.conns) >= d.maxConns {
		d.refuse(h)
		return
	}
	c := d.newConn(key{h.dstPort, h.srcPort})
	c.state = established
	c.credit(h)
	c.pending |= 1 << opResponse
	l.backlog <- c
	d.wake(c)
}
