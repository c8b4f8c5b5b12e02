package vsock

// take acts on a packet of the connection.
func (c *Conn) take(h *header, data []byte) {
	c.credit(h)
	switch h.op {
	case opResponse:
		if c.state == connecting {
			c.state = established
			c.change.Broadcast()
		}
	case opRST:
		c.takeReset()
	case opRW:
		c.takeData(data)
	case opShutdown:
		c.takeShutdown(h.flags)
	case opCreditRequest:
		c.pending |= 1 << opCreditUpdate
	case opCreditUpdate:
	default: // a request of a connection that there is, or nonsense
		c.reset(errReset)
	}
}

// credit notes what the guest has room for.
func (c *Conn) credit(h *header) {
	c.peerAlloc, c.peerFwd = h.bufAlloc, h.fwdCnt
}

// takeReset ends the connection. After our own Close, or the guest's, this is how
// both agree.
func (c *Conn) takeReset() {
	switch {
	case c.state == connecting:
		c.remove(errRefused)
	case c.peerNoSend && c.peerNoRecv, c.closed:
		c.remove(nil)
	default:
		c.remove(errReset)
	}
}

// takeData takes what the guest sends. More than it was given room for breaks the
// connection.
func (c *Conn) takeData(data []byte) {
	switch {
	case c.state != established, c.peerNoSend:
		c.reset(errReset)
	case c.closed:
		c.taken += uint32(len(data))
		c.giveCredit()
	case c.in.write(data) < len(data):
		c.reset(errReset)
	default:
		c.change.Broadcast()
	}
}

// takeShutdown notes what the guest will not do any more. When that is both, it wants
// a reset as the answer.
func (c *Conn) takeShutdown(flags uint32) {
	c.peerNoRecv = c.peerNoRecv || flags&shutdownReceive != 0
	c.peerNoSend = c.peerNoSend || flags&shutdownSend != 0
	if c.peerNoRecv && c.peerNoSend {
		c.reset(nil)
	}
	c.change.Broadcast()
}

// room is how much the guest takes now.
func (c *Conn) room() int {
	inFlight := c.sent - c.peerFwd
	if inFlight > c.peerAlloc {
		return 0
	}
	return int(c.peerAlloc - inFlight)
}

// wantsToSend reports whether the connection has a packet to send.
func (c *Conn) wantsToSend() bool {
	switch {
	case c.pending != 0:
		return true
	case c.state != established:
		return false
	case c.out.size() > 0:
		return c.room() > 0
	}
	return c.noWrite && !c.shut || c.closed && !c.saidClosed
}

// packet fills p, which has room for a header at least, with the next packet and
// returns its length, 0 if there is none.
func (c *Conn) packet(p []byte) int {
	h := header{
		srcCID: HostCID, dstCID: c.d.cid, srcPort: c.key.host, dstPort: c.key.guest,
		kind: kindStream, bufAlloc: bufferSize, fwdCnt: c.taken,
	}
	for _, op := range []uint16{opRequest, opResponse, opCreditUpdate} {
		if c.pending&(1<<op) != 0 {
			c.pending &^= 1 << op
			h.op = op
			c.told = c.taken
			h.encode(p)
			return headerSize
		}
	}
	if c.state != established {
		return 0
	}
	if c.out.size() > 0 {
		n := c.out.read(p[headerSize:min(len(p), headerSize+c.room())])
		if n == 0 {
			return 0
		}
		c.sent += uint32(n)
		c.change.Broadcast() // there is room for a writer
		h.op, h.size = opRW, uint32(n)
		c.told = c.taken
		h.encode(p)
		return headerSize + n
	}
	return c.shutdownPacket(&h, p)
}

// shutdownPacket tells the guest what will not be done any more, once all data is
// sent.
func (c *Conn) shutdownPacket(h *header, p []byte) int {
	switch {
	case c.closed && !c.saidClosed:
		h.flags = shutdownBoth
		c.shut, c.saidClosed = true, true
	case c.noWrite && !c.shut:
		h.flags = shutdownSend
		c.shut = true
	default:
		return 0
	}
	h.op = opShutdown
	h.encode(p)
	return headerSize
}
