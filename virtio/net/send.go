package net

import "linuxkvm/virtio"

// sender takes the guest's packets.
type sender struct {
	d        *Device
	features uint64
	packet   []byte
}

// send passes a packet on. There is nothing to write into the chain.
func (t *sender) send(c *virtio.Chain) int {
	if t.pass(c) {
		t.d.sent.Add(1)
	} else {
		t.d.sendDropped.Add(1)
	}
	return 0
}

// pass copies a packet, once, before anybody looks at it.
func (t *sender) pass(c *virtio.Chain) bool {
	n := c.Readable.Size()
	if n < HeaderSize+minFrame || n > len(t.packet) || t.d.isDown() {
		return false
	}
	p := t.packet[:n]
	if _, err := c.Readable.ReadAt(p, 0); err != nil {
		return false
	}
	return t.check(p) && t.d.cfg.Backend.WritePacket(p) == nil
}

// check refuses what was not negotiated and what does not fit the packet. What a
// backend gets of a header is as it should be.
func (t *sender) check(p []byte) bool {
	var h Header
	h.Decode(p)
	h.Flags &= FlagNeedsCSUM
	if h.Flags != 0 {
		end := int(h.CSUMStart) + int(h.CSUMOffset) + 2
		if t.features&FeatureCSUM == 0 || end > len(p)-HeaderSize {
			return false
		}
	} else {
		h.CSUMStart, h.CSUMOffset = 0, 0
	}
	if !t.checkGSO(&h, len(p)-HeaderSize) {
		return false
	}
	h.Encode(p)
	return true
}

func (t *sender) checkGSO(h *Header, frame int) bool {
	var need uint64
	switch h.GSOType &^ GSOECN {
	case GSONone:
		h.GSOType, h.GSOSize, h.HeaderLen = GSONone, 0, 0
		return true
	case GSOTCPv4:
		need = FeatureHostTSO4
	case GSOTCPv6:
		need = FeatureHostTSO6
	default:
		return false
	}
	// ECN is not offered. The header's length is a hint, and backends that heed it
	// want it to be within the frame.
	h.HeaderLen = uint16(min(int(h.HeaderLen), frame))
	return t.features&need != 0 && h.GSOType&GSOECN == 0 && h.GSOSize != 0 && h.Flags&FlagNeedsCSUM != 0
}

func (d *Device) isDown() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.down
}
