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
		n, ok := d.awaitPacket(buf[:min(len(buf), c.Writable.Size())])
		if !ok {
			return
		}
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

// awaitPacket fills p with a packet; false if the session has ended. What there was
// to say may have been settled in the meantime: then the guest's buffer is kept.
func (d *Device) awaitPacket(p []byte) (int, bool) {
	if len(p) < headerSize {
		return 0, true // a buffer too small for anything: the driver's loss
	}
	for d.awaitWork() {
		if n := d.nextPacket(p); n > 0 {
			return n, true
		}
	}
	return 0, false
}

// nextPacket fills p with one packet and returns its length.
func (d *Device) nextPacket(p []byte) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.stray) > 0 {
		h := d.stray[0]
		d.stray = d.stray[1:]
		d.room.Signal()
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
	if h.op == opRST || d.session == nil {
		return
	}
	d.stray = append(d.stray, header{
		srcCID: h.dstCID, dstCID: h.srcCID, srcPort: h.dstPort, dstPort: h.srcPort,
		kind: h.kind, op: opRST,
	})
	d.work.Signal()
}
