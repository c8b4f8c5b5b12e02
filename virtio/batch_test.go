package virtio_test

import (
	"testing"

	"linuxkvm/virtio"
	"linuxkvm/virtio/internal/drive"
)

// pairs is a device that answers only when it has two chains, at once.
type pairs struct{ *upper }

func (p *pairs) Start(s *virtio.Session) error {
	s.Go(func() {
		for {
			var chains []*virtio.Chain
			for range 2 {
				c, err := s.Queues[0].Next()
				if err != nil {
					return
				}
				chains = append(chains, c)
			}
			if virtio.ReleaseAll(chains, []int{1, 2}) != nil {
				return
			}
			if virtio.ReleaseAll(chains, []int{1, 2}) == nil {
				panic("chains are released twice")
			}
		}
	})
	return nil
}

// Chains released together come with one step of the index and, wherever among them
// the event index is, one interrupt.
func TestReleaseAll(t *testing.T) {
	for name, without := range map[string]uint64{"event index": 0, "flags": virtio.FeatureEventIdx} {
		t.Run(name, func(t *testing.T) {
			d := drive.New(t, &pairs{newUpper()})
			d.Start(without)
			q := d.Queue(0)
			for i := range 40 {
				free := []drive.Buffer{d.In(8), d.In(8)}
				// Wants to be told of the first, or of the second: before the device
				// can see them.
				q.SetUsedEvent(q.UsedIndex() + uint16(i%2))
				first := q.Add(free[0])
				second := q.Add(free[1])
				q.Kick()
				if err := d.IRQ.Within(drive.Patience); err != nil {
					t.Fatalf("turn %d: %v", i, err)
				}
				if got := q.UsedIndex(); got != uint16(2*i+2) {
					t.Fatalf("turn %d: index %d", i, got)
				}
				if head, n := q.WaitUsed(); head != first || n != 1 {
					t.Fatalf("turn %d: head %d with %d bytes", i, head, n)
				}
				if head, n := q.WaitUsed(); head != second || n != 2 {
					t.Fatalf("turn %d: head %d with %d bytes", i, head, n)
				}
			}
		})
	}
}
