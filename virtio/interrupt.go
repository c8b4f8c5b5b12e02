package virtio

// raise interrupts the driver. A line that fails belongs to a machine that ends.
func (m *MMIO) raise(why uint32) {
	m.pending.Or(why)
	if _, level := m.cfg.Interrupt.(LevelInterrupt); level {
		m.settle()
		return
	}
	_ = m.cfg.Interrupt.Signal()
}

// acknowledge takes interrupts back.
func (m *MMIO) acknowledge(what uint32) {
	m.pending.And(^what)
	m.settle()
}

// settle brings a level-triggered line up to date.
func (m *MMIO) settle() {
	irq, level := m.cfg.Interrupt.(LevelInterrupt)
	if !level {
		return
	}
	m.line.Lock()
	defer m.line.Unlock()
	if m.pending.Load() != 0 {
		_ = irq.Signal()
	} else {
		_ = irq.Lower()
	}
}
