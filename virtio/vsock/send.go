package vsock

import "linuxkvm/virtio"

// send passes packets to the guest, in turn for each connection, until the session
// ends.
func (d *Device) send(q *virtio.Queue) {
	buf := make([]byte, headerSize+packetSize)
	for d.awaitWork() {
		c, err := q.Next()
		if err != nil {
			return
		}
		n := d.nextPacket(buf[:min(len(buf), c.Writable.Size())])
		// A buffer too small for a header is given back empty: the driver's loss.
		if n, err = c.Writable.Write(buf[:n]); err != nil {
			q.Break(err)
			return
		}
		if c.Release(n) != nil {
			return
		}
	}
}

// awaitWork waits until there is something to send; false if the session has ended.
func (d *Device) awaitWork() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.session != nil && len(d.sendable) == 0 && len(d.stray) == 0 {
		d.work.Wait()
	}
	return d.session != nil
}

// nextPacket fills p with one packet and returns its length.
func (d *Device) nextPacket(p []byte) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(p) < headerSize {
		return 0
	}
	if len(d.stray) > 0 {
		h := d.stray[0]
		d.stray = d.stray[1:]
		h.encode(p)
		return headerSize
	}
	for len(d.sendable) > 0 {
		c := d.sendable[0]
		d.sendable = d.sendable[1:]
		c.queued = false
		if n := c.packet(p); n > 0 {
			d.wake(c)
			return n
		}
	}
	// Nothing is left of what there was to say. A packet that says what the guest
	// knows does no harm, but an empty buffer does none either.
	return 0
}

// wake puts a connection into the turn if it has something to send.
func (d *Device) wake(c *Conn) {
	if !c.queued && c.wantsToSend() {
		c.queued = true
		d.sendable = append(d.sendable, c)
		d.work.Signal()
	}
}

// refuse answers a packet of no connection.
func (d *Device) refuse(h *header) {
	if h.op == opRST || len(d.stray) >= maxStray {
		return
	}
	d.stray = append(d.stray, header{
		srcCID: h.dstCID, dstCID: h.srcCID, srcPort: h.dstPort, dstPort: h.srcPort,
		kind: h.kind, op: opRST,
	})
	d.work.Signal()
}
