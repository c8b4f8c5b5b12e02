package virtio

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Interrupt raises an edge on the guest's interrupt line. A *kvm.EventFD that is an
// irqfd is one.
type Interrupt interface{ Signal() error }

// LevelInterrupt is an Interrupt that stays until it is taken back: Signal raises a
// line, and Lower, which the transport calls when the driver has acknowledged all,
// lowers it.
type LevelInterrupt interface {
	Interrupt
	Lower() error
}

// MMIOConfig is what a device's transport is connected to.
type MMIOConfig struct {
	Memory    Memory
	Interrupt Interrupt
	// Doorbells are one for each queue. Where they are ioeventfds at
	// QueueNotifyOffset, the transport never sees the driver's write.
	Doorbells []Doorbell
	// OnBroken is told why a device needs a reset; nil for nobody.
	OnBroken func(error)
}

// MMIO is a device with its registers: a device.Device of MMIOSize bytes. It is safe
// for concurrent use.
type MMIO struct {
	dev Device
	cfg MMIOConfig

	pending    atomic.Uint32 // interrupt status
	generation atomic.Uint32 // of the configuration
	broken     atomic.Bool   // needs a reset

	line sync.Mutex // orders those who raise and lower a level

	mu       sync.Mutex
	closed   bool
	status   uint32
	featSel  [2]uint32 // device's, driver's
	accepted uint64    // features
	queueSel uint32
	queues   []queueRegs
	session  *Session
}

// queueRegs are the registers of one queue.
type queueRegs struct {
	QueueConfig
	ready bool
}

// NewMMIO gives a device its transport.
func NewMMIO(dev Device, cfg MMIOConfig) (*MMIO, error) {
	if dev == nil || cfg.Memory == nil || cfg.Interrupt == nil {
		return nil, errors.New("virtio: a device needs memory and an interrupt")
	}
	sizes := dev.QueueSizes()
	if len(cfg.Doorbells) != len(sizes) {
		return nil, fmt.Errorf("virtio: %d doorbells for %d queues", len(cfg.Doorbells), len(sizes))
	}
	for i, n := range sizes {
		if err := (&QueueConfig{Size: n}).check(); err != nil {
			return nil, fmt.Errorf("virtio: queue %d: size %d: want a power of 2 up to %d", i, n, MaxQueueSize)
		}
	}
	m := &MMIO{dev: dev, cfg: cfg}
	m.clear()
	return m, nil
}

// Close ends the device's work. The registers answer as those of a device that
// failed.
func (m *MMIO) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.stopSession()
	return nil
}

// clear sets the registers to what they are after a reset.
func (m *MMIO) clear() {
	m.status, m.accepted, m.queueSel, m.featSel = 0, 0, 0, [2]uint32{}
	m.queues = make([]queueRegs, len(m.cfg.Doorbells))
	m.broken.Store(false)
	m.acknowledge(^uint32(0))
}

func (m *MMIO) stopSession() {
	if m.session != nil {
		m.session.stop()
		m.session = nil
	}
}

// fail says that the device needs a reset.
func (m *MMIO) fail(err error) {
	m.broken.Store(true)
	if m.cfg.OnBroken != nil {
		m.cfg.OnBroken(err)
	}
	m.raise(interruptConfig)
}

// configChanged tells the driver to read the configuration anew.
func (m *MMIO) configChanged() {
	m.generation.Add(1)
	m.raise(interruptConfig)
}
