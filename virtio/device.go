package virtio

import (
	"context"
	"sync"

	"linuxkvm/memory"
)

// Device is a kind of device, without its transport.
type Device interface {
	// Type is the device's type: TypeBlock and so on.
	Type() uint32
	// Features are those of its type that the device offers. The transport adds
	// its own.
	Features() uint64
	// QueueSizes are the largest sizes of its queues, powers of 2.
	QueueSizes() []uint16
	// ReadConfig fills p with the configuration from offset off on, zeros where
	// there is none.
	ReadConfig(off uint64, p []byte)
	// WriteConfig takes what the driver writes there.
	WriteConfig(off uint64, p []byte)
	// Start begins the device's work; it must not block. It is called when the
	// driver is ready, and again after each reset. What it starts with s.Go must
	// end when the queues stop or s.Context ends; the transport waits for it.
	Start(s *Session) error
}

// MemoryUser is a device that works on the guest's memory itself, and not only on
// what drivers hand it. The machine gives it the memory before the guest runs.
type MemoryUser interface {
	SetMemory(*memory.Space)
}

// Session is the time from a driver's DRIVER_OK to the next reset.
type Session struct {
	// Context ends with the session.
	Context context.Context
	// Features are those that the driver has accepted.
	Features uint64
	// Queues are the device's; nil where the driver has set none up.
	Queues []*Queue

	end     context.CancelFunc
	running sync.WaitGroup
	changed func()
}

// Go runs f on a goroutine of the session.
func (s *Session) Go(f func()) { s.running.Go(f) }

// Serve runs a loop that hands each chain of a queue to handle, which returns how
// many bytes of Writable it has written. A queue that the driver has not set up is
// left alone.
func (s *Session) Serve(queue int, handle func(*Chain) int) {
	q := s.Queues[queue]
	if q == nil {
		return
	}
	s.Go(func() {
		for {
			c, err := q.Next()
			if err != nil {
				return // stopped, or broken, which the transport knows
			}
			if c.Release(handle(c)) != nil {
				return
			}
		}
	})
}

// ConfigChanged tells the driver that the configuration is another.
func (s *Session) ConfigChanged() { s.changed() }

// stop ends the session's work and waits for it.
func (s *Session) stop() {
	s.end()
	for _, q := range s.Queues {
		if q != nil {
			// A doorbell that cannot be rung has been closed, which ends Wait too.
			_ = q.stop()
		}
	}
	s.running.Wait()
}
