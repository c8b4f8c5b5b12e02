package blk

import (
	"fmt"
	"sync"

	"linuxkvm/virtio"
)

// Start implements virtio.Device.
func (d *Device) Start(s *virtio.Session) error {
	if s.Features&featureFlush == 0 {
		d.writeback.Store(false) // section 5.2.5.2
	}
	d.mu.Lock()
	d.session = s
	d.mu.Unlock()
	s.Go(func() {
		<-s.Context.Done()
		d.mu.Lock()
		d.session = nil
		d.mu.Unlock()
		d.writeback.Store(true) // a reset undoes the guest's wish
	})
	for _, q := range s.Queues {
		if q != nil {
			d.serve(s, q)
		}
	}
	return nil
}

// serve starts the workers of a queue. They take turns: the one that has the lock
// waits for a request, lets go of the lock, and works on what it got. So a request
// is never handed from one goroutine to another.
func (d *Device) serve(s *virtio.Session, q *virtio.Queue) {
	turn := new(sync.Mutex)
	for range d.cfg.Workers {
		s.Go(func() {
			for d.serveOne(s, q, turn) {
			}
		})
	}
}

func (d *Device) serveOne(s *virtio.Session, q *virtio.Queue, turn *sync.Mutex) bool {
	turn.Lock()
	c, err := q.Next()
	turn.Unlock()
	if err != nil {
		return false // stopped, or broken, which the transport knows
	}
	if c.Writable.Size() == 0 {
		q.Break(fmt.Errorf("%w: a request to a disk without a place for its status", virtio.ErrBroken))
		return false
	}
	n, ok := d.handle(s, c)
	return ok && c.Release(n) == nil
}
