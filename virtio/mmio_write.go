package virtio

import "encoding/binary"

// Write implements device.Device. Registers are written 32 bits at a time; any
// other write of them does nothing.
func (m *MMIO) Write(offset uint64, p []byte) {
	if offset >= regConfig {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.dev.WriteConfig(offset-regConfig, p)
		return
	}
	if len(p) != 4 || offset%4 != 0 {
		return
	}
	v := binary.LittleEndian.Uint32(p)
	switch offset {
	case regQueueNotify:
		m.notify(v)
	case regInterruptACK:
		m.acknowledge(v)
	default:
		m.mu.Lock()
		defer m.mu.Unlock()
		m.setRegister(offset, v)
	}
}

// notify rings a doorbell: the way without an ioeventfd.
func (m *MMIO) notify(queue uint32) {
	if queue < uint32(len(m.cfg.Doorbells)) {
		// A doorbell that cannot be rung belongs to a machine that ends.
		_ = m.cfg.Doorbells[queue].Signal()
	}
}

func (m *MMIO) setRegister(offset uint64, v uint32) {
	switch offset {
	case regDeviceFeatSel:
		m.featSel[0] = v
	case regDriverFeatSel:
		m.featSel[1] = v
	case regDriverFeatures:
		m.accept(v)
	case regQueueSel:
		m.queueSel = v
	case regStatus:
		m.setStatus(v)
	default:
		if m.queueSel < uint32(len(m.queues)) {
			m.setQueueRegister(int(m.queueSel), offset, v)
		}
	}
}

// accept takes half of the features that the driver wants, until it has said that
// these are all.
func (m *MMIO) accept(v uint32) {
	sel := m.featSel[1]
	if m.status&statusFeaturesOK != 0 || sel > 1 {
		return
	}
	setHalf(&m.accepted, v, sel)
}

func setHalf(w *uint64, v, sel uint32) {
	*w = *w&^(0xffff_ffff<<(32*sel)) | uint64(v)<<(32*sel)
}

// setQueueRegister writes a register of a queue, which is the driver's to change as
// long as the queue is not ready.
func (m *MMIO) setQueueRegister(i int, offset uint64, v uint32) {
	q := &m.queues[i]
	if offset == regQueueReady {
		m.setReady(i, v == 1)
		return
	}
	if q.ready {
		return
	}
	switch offset {
	case regQueueSize:
		q.Size = uint16(min(v, 0xffff))
	case regQueueDescLow:
		setHalf(&q.Desc, v, 0)
	case regQueueDescHigh:
		setHalf(&q.Desc, v, 1)
	case regQueueAvailLow:
		setHalf(&q.Avail, v, 0)
	case regQueueAvailHigh:
		setHalf(&q.Avail, v, 1)
	case regQueueUsedLow:
		setHalf(&q.Used, v, 0)
	case regQueueUsedHigh:
		setHalf(&q.Used, v, 1)
	}
}
