package balloon

import (
	"context"
	"encoding/binary"
	"errors"

	"linuxkvm/virtio"
)

// Stat is a statistic of the guest's memory (section 5.5.6.4).
type Stat uint16

// Statistics. Amounts of memory are in bytes, all else is a count since the guest's
// start. A driver has the ones it knows.
const (
	StatSwapIn        Stat = iota // bytes read from swap
	StatSwapOut                   // bytes written to swap
	StatMajorFaults               // page faults that needed a disk
	StatMinorFaults               // page faults that did not
	StatFree                      // memory not used for anything
	StatTotal                     // memory there is
	StatAvailable                 // memory that could be had without swapping
	StatCaches                    // memory that could be taken from caches
	StatHugePages                 // huge pages that were allocated
	StatHugePagesFail             // huge pages that could not be
	StatOOMKills                  // processes ended for lack of memory
	StatAllocStalls               // allocations that had to wait
	StatAsyncScan                 // pages looked at by the background reclaim
	StatDirectScan                // pages looked at by those who needed one
	StatAsyncReclaim              // pages won by the background reclaim
	StatDirectReclaim             // pages won by those who needed one

	statCount
)

// Stats are what the guest has told. It may tell anything.
type Stats struct {
	values [statCount]uint64
	known  uint32
}

// Get returns a statistic, and whether the guest has told it.
func (s *Stats) Get(which Stat) (v uint64, ok bool) {
	if which >= statCount {
		return 0, false
	}
	return s.values[which], s.known&(1<<which) != 0
}

// ErrNoStats is returned when there is no driver that could tell, or none any more.
var ErrNoStats = errors.New("virtio/balloon: no driver tells statistics")

const (
	statSize = 10 // tag, value
	statMost = 64 // that are looked at of one chain
)

// decodeStats reads what is in a chain. Tags that are not known are left out.
func decodeStats(c *virtio.Chain) (s Stats) {
	var raw [statMost * statSize]byte
	n, _ := c.Readable.Read(raw[:]) // as far as there is some
	for p := raw[:n]; len(p) >= statSize; p = p[statSize:] {
		if tag := binary.LittleEndian.Uint16(p); tag < uint16(statCount) {
			s.values[tag] = binary.LittleEndian.Uint64(p[2:])
			s.known |= 1 << tag
		}
	}
	return s
}

// Stats asks the guest for its statistics and waits for them, or until ctx ends.
func (d *Device) Stats(ctx context.Context) (Stats, error) {
	answer := make(chan Stats, 1)
	d.mu.Lock()
	if !d.stats {
		d.mu.Unlock()
		return Stats{}, ErrNoStats
	}
	d.waiting = append(d.waiting, answer)
	d.mu.Unlock()
	select {
	case d.ask <- struct{}{}:
	default: // has been asked
	}
	select {
	case s, ok := <-answer:
		if !ok {
			return Stats{}, ErrNoStats
		}
		return s, nil
	case <-ctx.Done():
		d.forget(answer)
		return Stats{}, ctx.Err()
	}
}

func (d *Device) forget(answer chan Stats) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, c := range d.waiting {
		if c == answer {
			d.waiting = append(d.waiting[:i], d.waiting[i+1:]...)
			return
		}
	}
}

// serveStats holds the driver's chain until somebody asks: giving it back is the
// question, and the next one is the answer.
func (d *Device) serveStats(s *virtio.Session, q *virtio.Queue) {
	var asked []chan Stats
	for {
		c, err := q.Next()
		if err != nil {
			d.unanswered(asked)
			return
		}
		answer(asked, decodeStats(c))
		select {
		case <-d.ask:
		case <-s.Context.Done():
			return
		}
		asked = d.takeWaiting()
		if c.Release(0) != nil {
			d.unanswered(asked)
			return
		}
	}
}

func answer(asked []chan Stats, s Stats) {
	for _, c := range asked {
		c <- s // has room
	}
}

func (d *Device) unanswered(asked []chan Stats) {
	for _, c := range asked {
		close(c)
	}
}

func (d *Device) takeWaiting() []chan Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	asked := d.waiting
	d.waiting = nil
	return asked
}
