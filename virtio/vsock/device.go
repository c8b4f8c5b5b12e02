package vsock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"linuxkvm/virtio"
)

// Config describes a device. Zero values stand for the defaults.
type Config struct {
	// CID is the guest's address, 3 or more.
	CID uint64
	// MaxConns is how many connections there may be; DefaultMaxConns if 0.
	MaxConns int
}

// Limits.
const (
	DefaultMaxConns = 1024

	// bufferSize is how much of a connection waits on each side of the device.
	bufferSize = 256 << 10
	// packetSize is the largest payload of a packet that the device sends, and that
	// Linux does.
	packetSize = 64 << 10
	// maxStray is how many answers to packets of no connection wait to be sent;
	// more are not given.
	maxStray = 256
	// queueSize is that of the queues.
	queueSize = 256
	// firstPort is the first of the ports that Dial uses for its own end.
	firstPort = 49152
)

// ErrNotReady is returned by Dial while the guest has no driver for the device.
var ErrNotReady = errors.New("vsock: the guest's driver is not ready")

// Device is a socket device: a virtio.Device. It is safe for concurrent use.
type Device struct {
	cid      uint64
	maxConns int

	mu        sync.Mutex
	work      *sync.Cond // there is something to send, or the session has ended
	session   *virtio.Session
	conns     map[key]*Conn
	listeners map[uint32]*Listener
	sendable  []*Conn  // those with something to send, in turn
	stray     []header // answers to packets of no connection
	nextPort  uint32
}

// key names a connection.
type key struct{ host, guest uint32 }

var _ virtio.Device = (*Device)(nil)

// New makes a device.
func New(cfg Config) (*Device, error) {
	if cfg.CID < 3 || cfg.CID >= 0xffff_ffff {
		return nil, fmt.Errorf("vsock: CID %d: want 3 to %d", cfg.CID, uint32(0xffff_fffe))
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = DefaultMaxConns
	}
	d := &Device{
		cid: cfg.CID, maxConns: cfg.MaxConns, nextPort: firstPort,
		conns: map[key]*Conn{}, listeners: map[uint32]*Listener{},
	}
	d.work = sync.NewCond(&d.mu)
	return d, nil
}

// Type implements virtio.Device.
func (*Device) Type() uint32 { return virtio.TypeVsock }

// Features implements virtio.Device: streams need none.
func (*Device) Features() uint64 { return 0 }

// Queues.
const (
	rxQueue = iota // to the guest
	txQueue
	eventQueue // for what happens when a guest moves to another host
)

// QueueSizes implements virtio.Device.
func (*Device) QueueSizes() []uint16 { return []uint16{queueSize, queueSize, 8} }

// ReadConfig implements virtio.Device.
func (d *Device) ReadConfig(off uint64, p []byte) {
	virtio.ReadConfig(binary.LittleEndian.AppendUint64(nil, d.cid), off, p)
}

// WriteConfig implements virtio.Device; there is nothing to write.
func (*Device) WriteConfig(uint64, []byte) {}

// Start implements virtio.Device.
func (d *Device) Start(s *virtio.Session) error {
	if s.Queues[rxQueue] == nil || s.Queues[txQueue] == nil {
		return errors.New("vsock: the driver has not set up the queues")
	}
	d.mu.Lock()
	d.session = s
	d.mu.Unlock()
	s.Go(func() { d.send(s.Queues[rxQueue]) })
	s.Go(func() { d.receive(s.Queues[txQueue]) })
	s.Go(func() {
		<-s.Context.Done()
		d.end()
	})
	return nil
}

// end resets every connection: the driver is gone.
func (d *Device) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.session = nil
	for _, c := range d.conns {
		c.fail(errReset)
	}
	clear(d.conns)
	d.sendable, d.stray = nil, nil
	d.work.Broadcast()
}
