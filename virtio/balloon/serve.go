package balloon

import (
	"encoding/binary"
	"errors"

	"linuxkvm/virtio"
)

// Features (section 5.5.3).
const (
	featureStats     = 1 << 1
	featureOOM       = 1 << 2
	featurePoison    = 1 << 4
	featureReporting = 1 << 5
)

// Fields of the configuration (section 5.5.4).
const (
	configTarget = 0
	configActual = 4
	configPoison = 12
	configSize   = 16
)

// Queues by their numbers in the specification.
const (
	inflateQueue   = 0
	deflateQueue   = 1
	statsQueue     = 2
	reportingQueue = 4
)

// Type implements virtio.Device.
func (d *Device) Type() uint32 { return virtio.TypeBalloon }

// Features implements virtio.Device.
func (d *Device) Features() uint64 {
	f := uint64(featureStats)
	if d.cfg.DeflateOnOOM {
		f |= featureOOM
	}
	if d.cfg.Reporting {
		f |= featureReporting | featurePoison
	}
	return f
}

// QueueSizes implements virtio.Device.
func (d *Device) QueueSizes() []uint16 {
	sizes := []uint16{inflateQueue: queueSize, deflateQueue: queueSize, statsQueue: queueSize}
	for d.cfg.Reporting && len(sizes) <= reportingQueue {
		sizes = append(sizes, queueSize)
	}
	return sizes
}

// ReadConfig implements virtio.Device.
func (d *Device) ReadConfig(off uint64, p []byte) {
	var c [configSize]byte
	binary.LittleEndian.PutUint32(c[configTarget:], d.target.Load())
	binary.LittleEndian.PutUint32(c[configActual:], d.actual.Load())
	binary.LittleEndian.PutUint32(c[configPoison:], d.poison.Load())
	virtio.ReadConfig(c[:], off, p)
}

// WriteConfig implements virtio.Device.
func (d *Device) WriteConfig(off uint64, p []byte) {
	if len(p) != 4 {
		return
	}
	v := binary.LittleEndian.Uint32(p)
	switch off {
	case configActual:
		d.actual.Store(v)
	case configPoison:
		d.poison.Store(v)
	}
}

// Start implements virtio.Device.
func (d *Device) Start(s *virtio.Session) error {
	if d.cfg.Memory == nil {
		return errors.New("virtio/balloon: there is no memory: neither in Config nor by SetMemory")
	}
	stats := s.Features&featureStats != 0 && s.Queues[statsQueue] != nil
	d.mu.Lock()
	d.session, d.stats = s, stats
	d.mu.Unlock()
	s.Go(func() {
		<-s.Context.Done()
		d.end()
	})
	s.Serve(inflateQueue, func(c *virtio.Chain) int { return d.inflate(s.Context, c) })
	s.Serve(deflateQueue, func(c *virtio.Chain) int { return d.deflate(s.Context, c) })
	if stats {
		s.Go(func() { d.serveStats(s, s.Queues[statsQueue]) })
	}
	if s.Features&featureReporting != 0 {
		for i := firstReporting(stats); i < len(s.Queues); i++ {
			s.Serve(i, func(c *virtio.Chain) int { return d.report(s, c) })
		}
	}
	return nil
}

// firstReporting is the first queue that may be the one of reporting. The
// specification gives every queue a number of its own, while Linux counts only those
// that there are, and the queues between have no use here.
func firstReporting(stats bool) int {
	if stats {
		return statsQueue + 1
	}
	return statsQueue
}

// end forgets a driver: the next one begins with all of its memory.
func (d *Device) end() {
	d.actual.Store(0)
	d.poison.Store(0)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.session, d.stats = nil, false
	for _, c := range d.waiting {
		close(c)
	}
	d.waiting = nil
}
