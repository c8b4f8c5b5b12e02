// Package rng is the virtio entropy device (virtio 1.2, section 5.4): random bytes
// of the host for the guest.
package rng

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"

	"linuxkvm/virtio"
	"linuxkvm/virtio/throttle"
)

// Config may be left empty.
type Config struct {
	// Source is where the bytes come from; nil is the host's random number
	// generator. It must not block for ever, since a reset waits for it.
	Source io.Reader
	// Limit is how fast the guest may be.
	Limit throttle.Limit
	// OnError is told of errors of Source; nil for nobody. The guest's request
	// ends with the bytes there were until then.
	OnError func(error)
}

const (
	queueSize = 64
	// most is what a request gets, however much it asks for. A driver asks again.
	most = 64 << 10
	// pieceSize is how much is taken from the source at a time.
	pieceSize = 4 << 10
)

// Device is a virtio.Device.
type Device struct {
	cfg      Config
	throttle *throttle.Throttle
}

var _ virtio.Device = (*Device)(nil)

// New makes a device.
func New(cfg Config) *Device {
	if cfg.Source == nil {
		cfg.Source = rand.Reader
	}
	return &Device{cfg, throttle.New(cfg.Limit)}
}

// SetLimit changes how fast the guest may be, from now on.
func (d *Device) SetLimit(l throttle.Limit) { d.throttle.Set(l) }

// Type implements virtio.Device.
func (d *Device) Type() uint32 { return virtio.TypeRNG }

// Features implements virtio.Device.
func (d *Device) Features() uint64 { return 0 }

// QueueSizes implements virtio.Device.
func (d *Device) QueueSizes() []uint16 { return []uint16{queueSize} }

// ReadConfig implements virtio.Device: there is none.
func (d *Device) ReadConfig(_ uint64, p []byte) { clear(p) }

// WriteConfig implements virtio.Device.
func (d *Device) WriteConfig(uint64, []byte) {}

// Start implements virtio.Device.
func (d *Device) Start(s *virtio.Session) error {
	var buffer [pieceSize]byte // of the one goroutine
	s.Serve(0, func(c *virtio.Chain) int { return d.fill(s.Context, c, buffer[:]) })
	return nil
}

// fill writes random bytes and returns how many. When the session ends meanwhile it
// does not matter how many these are: nobody gets the chain back.
func (d *Device) fill(ctx context.Context, c *virtio.Chain, buffer []byte) int {
	if d.throttle.Op(ctx) != nil {
		return 0
	}
	done := 0
	for left := min(c.Writable.Size(), most); done < left; {
		p := buffer[:min(left-done, len(buffer))]
		if d.throttle.Bytes(ctx, len(p)) != nil {
			return done
		}
		n, readErr := io.ReadFull(d.cfg.Source, p)
		n, writeErr := c.Writable.Write(p[:n])
		clear(p) // the guest's secret
		done += n
		if readErr != nil {
			d.report(readErr)
			return done
		}
		if writeErr != nil {
			return done // not memory
		}
	}
	return done
}

func (d *Device) report(err error) {
	if d.cfg.OnError != nil {
		d.cfg.OnError(fmt.Errorf("virtio/rng: source: %w", err))
	}
}
