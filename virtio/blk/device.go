package blk

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"linuxkvm/virtio"
	"linuxkvm/virtio/throttle"
)

// Config says what a device is. Only Disk must be given.
type Config struct {
	Disk     Disk
	ReadOnly bool
	// Serial is what the guest finds as the disk's serial number, 20 bytes at most.
	Serial string
	// Queues is how many queues there are, one for each vCPU at best; 0 means 1.
	Queues int
	// Workers is how many requests of a queue are worked on at the same time; 0
	// means 16.
	Workers int
	// BlockSize is the smallest unit in which a guest should read and write, a
	// power of 2 from 512 to 4096; 0 means 512.
	BlockSize int
	// Limit is how fast the guest may be.
	Limit throttle.Limit
	// OnError is told of errors of the Disk, which are not the guest's fault; nil
	// for nobody. It is called by several goroutines at a time, and as often as the
	// guest tries.
	OnError func(error)
}

const (
	defaultWorkers = 16
	maxQueues      = 64
	maxWorkers     = 256
	queueSize      = 512 // Linux asks for 1 MiB and more at a time, a descriptor for each page
	maxSerial      = 20
)

// Device is a virtio.Device. The Disk stays the caller's to close, after the
// machine.
type Device struct {
	cfg       Config
	discarder Discarder  // or nil
	zeroes    ZeroWriter // or nil
	throttle  *throttle.Throttle
	serial    [maxSerial]byte

	sectors   atomic.Uint64 // capacity
	writeback atomic.Bool   // the guest's wish, in the configuration

	mu      sync.Mutex
	session *virtio.Session // that runs, or nil
}

var _ virtio.Device = (*Device)(nil)

// New makes a device. A last part of a sector of the disk is out of the guest's
// reach.
func New(cfg Config) (*Device, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	d := &Device{cfg: cfg, throttle: throttle.New(cfg.Limit)}
	copy(d.serial[:], cfg.Serial)
	if !cfg.ReadOnly {
		d.discarder, _ = cfg.Disk.(Discarder)
		d.zeroes, _ = cfg.Disk.(ZeroWriter)
	}
	d.writeback.Store(true)
	d.sectors.Store(uint64(cfg.Disk.Size()) / sectorSize)
	return d, nil
}

// complete fills in what was left out and refuses what cannot be.
func (c *Config) complete() error {
	if c.Disk == nil {
		return errors.New("virtio/blk: a device needs a disk")
	}
	c.Queues, c.Workers, c.BlockSize = or(c.Queues, 1), or(c.Workers, defaultWorkers), or(c.BlockSize, sectorSize)
	switch {
	case c.Disk.Size() < 0:
		return fmt.Errorf("virtio/blk: a disk of %d bytes", c.Disk.Size())
	case len(c.Serial) > maxSerial:
		return fmt.Errorf("virtio/blk: serial number %q: want at most %d bytes", c.Serial, maxSerial)
	case c.Queues < 1 || c.Queues > maxQueues:
		return fmt.Errorf("virtio/blk: %d queues: want 1 to %d", c.Queues, maxQueues)
	case c.Workers < 1 || c.Workers > maxWorkers:
		return fmt.Errorf("virtio/blk: %d workers: want 1 to %d", c.Workers, maxWorkers)
	case c.BlockSize < sectorSize || c.BlockSize > physicalBlock || c.BlockSize&(c.BlockSize-1) != 0:
		return fmt.Errorf("virtio/blk: blocks of %d bytes: want a power of 2 from %d to %d", c.BlockSize, sectorSize, physicalBlock)
	}
	return nil
}

func or(v, otherwise int) int {
	if v == 0 {
		return otherwise
	}
	return v
}

// SetLimit changes how fast the guest may be, from now on.
func (d *Device) SetLimit(l throttle.Limit) { d.throttle.Set(l) }

// Resized looks at the disk's size again and tells the guest of it.
func (d *Device) Resized() {
	d.sectors.Store(uint64(max(d.cfg.Disk.Size(), 0)) / sectorSize)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.session != nil {
		d.session.ConfigChanged()
	}
}

// report tells of an error of the disk.
func (d *Device) report(what string, off, n int64, err error) {
	if d.cfg.OnError != nil {
		d.cfg.OnError(fmt.Errorf("virtio/blk: %s of %d bytes at %#x: %w", what, n, off, err))
	}
}
