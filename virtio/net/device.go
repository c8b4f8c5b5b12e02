package net

import (
	"encoding/binary"
	"errors"
	"fmt"
	stdnet "net"
	"sync"
	"sync/atomic"

	"linuxkvm/virtio"
)

// Config describes a device.
type Config struct {
	// MAC is the guest's address, which must be of one host: an even first byte.
	MAC stdnet.HardwareAddr
	// MTU is the largest IP packet that the guest is told to send, 68 to 65535; 0 to
	// tell it nothing.
	MTU int
	// Backend is what the guest reaches. It stays the caller's to close, after the
	// machine.
	Backend Backend
}

// Stats count packets since the device was made.
type Stats struct {
	// Sent and Received are from the guest and to it.
	Sent, Received uint64
	// SendDropped are those of the guest that were malformed or too large or that
	// the backend did not take.
	SendDropped uint64
	// ReceiveDropped are those that the guest had no buffers for. What the backend
	// drops because the guest is slow is the backend's to count.
	ReceiveDropped uint64
}

// Device is a network device: a virtio.Device. It is safe for concurrent use.
type Device struct {
	cfg Config

	sent, received, sendDropped, receiveDropped atomic.Uint64

	mu      sync.Mutex
	down    bool
	session *virtio.Session
}

var _ virtio.Device = (*Device)(nil)

// New makes a device.
func New(cfg Config) (*Device, error) {
	if len(cfg.MAC) != 6 || cfg.MAC[0]&1 != 0 {
		return nil, fmt.Errorf("virtio/net: MAC address %q: want 6 bytes, the first one even", cfg.MAC)
	}
	if cfg.MTU != 0 && (cfg.MTU < 68 || cfg.MTU > 65535) {
		return nil, fmt.Errorf("virtio/net: MTU %d: want 68 to 65535, or 0", cfg.MTU)
	}
	if cfg.Backend == nil {
		return nil, errors.New("virtio/net: a device needs a backend: see packages tap and usernet")
	}
	return &Device{cfg: cfg}, nil
}

// Type implements virtio.Device.
func (*Device) Type() uint32 { return virtio.TypeNet }

// Features implements virtio.Device.
func (d *Device) Features() uint64 {
	f := FeatureMAC | FeatureStatus | FeatureMergeable | d.cfg.Backend.Features()&offloads
	if d.cfg.MTU != 0 {
		f |= FeatureMTU
	}
	return f
}

// Queues.
const (
	rxQueue = iota // to the guest
	txQueue
	queueSize = 256
)

// QueueSizes implements virtio.Device.
func (*Device) QueueSizes() []uint16 { return []uint16{queueSize, queueSize} }

// linkUp is a bit of the status.
const linkUp = 1

// ReadConfig implements virtio.Device.
func (d *Device) ReadConfig(off uint64, p []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	config := append([]byte(nil), d.cfg.MAC...)
	status := uint16(linkUp)
	if d.down {
		status = 0
	}
	for _, v := range []uint16{status, 1, uint16(d.cfg.MTU)} {
		config = binary.LittleEndian.AppendUint16(config, v)
	}
	virtio.ReadConfig(config, off, p)
}

// WriteConfig implements virtio.Device; there is nothing to write.
func (*Device) WriteConfig(uint64, []byte) {}

// SetLink says whether the guest sees a cable in its device.
func (d *Device) SetLink(up bool) {
	d.mu.Lock()
	changed := d.down == up
	d.down = !up
	s := d.session
	d.mu.Unlock()
	if changed && s != nil {
		s.ConfigChanged()
	}
}

// Stats returns what has been counted.
func (d *Device) Stats() Stats {
	return Stats{d.sent.Load(), d.received.Load(), d.sendDropped.Load(), d.receiveDropped.Load()}
}

// Start implements virtio.Device.
func (d *Device) Start(s *virtio.Session) error {
	if s.Queues[rxQueue] == nil || s.Queues[txQueue] == nil {
		return errors.New("virtio/net: the driver has not set up the queues")
	}
	features := consistent(s.Features)
	if err := d.cfg.Backend.Start(s.Context, features&offloads); err != nil {
		return fmt.Errorf("virtio/net: backend: %w", err)
	}
	d.mu.Lock()
	d.session = s
	d.mu.Unlock()
	rx := &receiver{d: d, q: s.Queues[rxQueue], mergeable: features&FeatureMergeable != 0}
	s.Go(rx.run)
	tx := &sender{d: d, features: features, packet: make([]byte, MaxPacket)}
	s.Serve(txQueue, tx.send)
	s.Go(func() {
		<-s.Context.Done()
		d.mu.Lock()
		defer d.mu.Unlock()
		d.session = nil
	})
	return nil
}
