package console

import (
	"encoding/binary"

	"linuxkvm/virtio"
)

// Features (section 5.3.3).
const (
	featureSize      = 1 << 0
	featureEmergency = 1 << 2
)

// Fields of the configuration (section 5.3.4).
const (
	configPorts     = 4
	configEmergency = 8
	configSize      = 12
)

// The queues of the only port.
const (
	receiveQueue  = 0
	transmitQueue = 1
)

// Type implements virtio.Device.
func (d *Device) Type() uint32 { return virtio.TypeConsole }

// Features implements virtio.Device.
func (d *Device) Features() uint64 { return featureSize | featureEmergency }

// QueueSizes implements virtio.Device.
func (d *Device) QueueSizes() []uint16 { return []uint16{queueSize, queueSize} }

// ReadConfig implements virtio.Device.
func (d *Device) ReadConfig(off uint64, p []byte) {
	var c [configSize]byte
	binary.LittleEndian.PutUint32(c[:], d.size.Load()) // columns, rows
	binary.LittleEndian.PutUint32(c[configPorts:], 1)
	virtio.ReadConfig(c[:], off, p)
}

// WriteConfig implements virtio.Device: a guest that cannot use queues, or not any
// more, writes its output byte by byte.
func (d *Device) WriteConfig(off uint64, p []byte) {
	if off != configEmergency || len(p) == 0 {
		return
	}
	if d.isClosed() || d.out.tryPut(p[:1]) == 0 {
		d.lost.Add(1) // this is a vCPU's thread, which must not wait
	}
}

// Start implements virtio.Device.
func (d *Device) Start(s *virtio.Session) error {
	d.mu.Lock()
	d.session = s
	d.mu.Unlock()
	s.Go(func() {
		<-s.Context.Done()
		d.mu.Lock()
		d.session = nil
		d.mu.Unlock()
	})
	if q := s.Queues[receiveQueue]; q != nil {
		s.Go(func() { d.receive(s, q) })
	}
	if q := s.Queues[transmitQueue]; q != nil {
		s.Go(func() { d.transmit(s, q) })
	}
	return nil
}

// receive gives input to the driver. Bytes leave the buffer when the driver has
// them: a reset in between loses none.
func (d *Device) receive(s *virtio.Session, q *virtio.Queue) {
	p := make([]byte, inputBuffer)
	for d.in.wait(s.Context.Done()) {
		c, err := q.Next()
		if err != nil {
			return
		}
		n := d.in.peek(p[:min(len(p), c.Writable.Size())])
		n, _ = c.Writable.Write(p[:n]) // as far as it is memory
		if c.Release(n) != nil {
			return
		}
		d.in.drop(n)
	}
}

// transmit takes output from the driver. A chain is the driver's again when all of
// it is in the buffer.
func (d *Device) transmit(s *virtio.Session, q *virtio.Queue) {
	p := make([]byte, pieceSize)
	for {
		c, err := q.Next()
		if err != nil || !d.take(s, c, p) || c.Release(0) != nil {
			return
		}
	}
}

// take moves a chain into the buffer, piece by piece. It returns false if the
// session ends before.
func (d *Device) take(s *virtio.Session, c *virtio.Chain, p []byte) bool {
	for s.Context.Err() == nil {
		n, err := c.Readable.Read(p)
		if n > 0 && (d.isClosed() || !d.out.putAll(p[:n], s.Context.Done(), d.closed)) {
			return s.Context.Err() == nil // nobody is left to write it
		}
		if err != nil {
			return true // the end of it, or not memory
		}
	}
	return false
}
