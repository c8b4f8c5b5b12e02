package virtio

import "encoding/binary"

// Read implements device.Device. Registers are read 32 bits at a time; any other
// read of them gives zeros.
func (m *MMIO) Read(offset uint64, p []byte) {
	clear(p)
	if offset >= regConfig {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.dev.ReadConfig(offset-regConfig, p)
		return
	}
	if len(p) == 4 && offset%4 == 0 {
		binary.LittleEndian.PutUint32(p, m.register(offset))
	}
}

func (m *MMIO) register(offset uint64) uint32 {
	switch offset {
	case regMagic:
		return magic
	case regVersion:
		return version
	case regDeviceID:
		return m.dev.Type()
	case regVendorID:
		return vendorID
	case regInterruptStatus:
		return m.pending.Load()
	case regConfigGen:
		return m.generation.Load()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch offset {
	case regDeviceFeatures:
		return half(m.offered(), m.featSel[0])
	case regQueueSizeMax:
		if q := m.queueSel; q < uint32(len(m.queues)) {
			return uint32(m.dev.QueueSizes()[q])
		}
	case regQueueReady:
		if q := m.queueSel; q < uint32(len(m.queues)) && m.queues[q].ready {
			return 1
		}
	case regStatus:
		return m.fullStatus()
	}
	if offset >= regSHMLenLow && offset <= regSHMBaseHigh {
		return 0xffff_ffff // there is no shared memory
	}
	return 0
}

func (m *MMIO) offered() uint64 { return m.dev.Features() | transportFeatures }

// fullStatus is the status with the bit that the driver does not set.
func (m *MMIO) fullStatus() uint32 {
	s := m.status
	if m.broken.Load() && s&statusDriverOK != 0 {
		s |= statusNeedsReset
	}
	return s
}

// half is one of the 32-bit words of v.
func half(v uint64, sel uint32) uint32 {
	if sel > 1 {
		return 0
	}
	return uint32(v >> (32 * sel))
}
