package virtio

import "context"

// setStatus follows the driver through the initialization (section 3.1).
func (m *MMIO) setStatus(v uint32) {
	if v == 0 {
		m.reset()
		return
	}
	if m.closed {
		return
	}
	// The driver sets bits and never clears one, except by a reset.
	added := v &^ m.status
	m.status |= v & (statusAcknowledge | statusDriver | statusFailed)
	if added&statusFeaturesOK != 0 && m.featuresFit() {
		m.status |= statusFeaturesOK
	}
	if added&statusDriverOK != 0 && m.status&statusFeaturesOK != 0 {
		m.status |= statusDriverOK
		m.start()
	}
}

// featuresFit says whether the device can do what the driver has accepted.
func (m *MMIO) featuresFit() bool {
	return m.accepted&^m.offered() == 0 && m.accepted&FeatureVersion1 != 0
}

// reset ends the device's work and waits for that: afterwards the driver may use
// the memory of the queues for something else.
func (m *MMIO) reset() {
	m.stopSession()
	m.clear()
}

// setReady takes a queue into use or out of it.
func (m *MMIO) setReady(i int, ready bool) {
	q := &m.queues[i]
	if !ready {
		q.ready = false
		if m.session != nil && m.session.Queues[i] != nil {
			_ = m.session.Queues[i].stop() // as in Session.stop
		}
		return
	}
	if q.ready || m.status&statusDriverOK != 0 {
		return
	}
	if q.Size > m.dev.QueueSizes()[i] {
		m.fail(broken("queue %d: size %d: the device has at most %d", i, q.Size, m.dev.QueueSizes()[i]))
		return
	}
	if err := q.check(); err != nil {
		m.fail(err)
		return
	}
	q.ready = true
}

// start begins a session.
func (m *MMIO) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Session{
		Context: ctx, Features: m.accepted, Queues: make([]*Queue, len(m.queues)),
		end: cancel, changed: m.configChanged,
	}
	for i, q := range m.queues {
		if q.ready {
			s.Queues[i] = m.newQueue(i, q.QueueConfig)
		}
	}
	m.session = s
	if err := m.dev.Start(s); err != nil {
		m.fail(err)
	}
}

func (m *MMIO) newQueue(i int, cfg QueueConfig) *Queue {
	cfg.Indirect = m.accepted&FeatureIndirect != 0
	cfg.EventIdx = m.accepted&FeatureEventIdx != 0
	return &Queue{
		cfg: cfg, mem: m.cfg.Memory, bell: m.cfg.Doorbells[i], onBroken: m.fail,
		interrupt: func() { m.raise(interruptUsed) },
	}
}
