package blk

import (
	"fmt"

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

// serve starts the workers of a queue.
func (d *Device) serve(s *virtio.Session, q *virtio.Queue) {
	for _, w := range q.Workers(d.cfg.Workers) {
		s.Go(func() {
			w.Serve(func(c *virtio.Chain) (int, bool) {
				if c.Writable.Size() == 0 {
					q.Break(fmt.Errorf("%w: a request to a disk without a place for its status", virtio.ErrBroken))
					return 0, false
				}
				return d.handle(s, c, w)
			})
		})
	}
}
