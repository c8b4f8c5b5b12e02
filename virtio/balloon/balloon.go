// Package balloon is the virtio memory balloon (virtio 1.2, section 5.5): a guest
// gives pages back that the host asks for, tells which are free anyhow, and how much
// memory it has.
//
// Which pages a guest names is its own affair: they are released if they are its
// RAM, and counted otherwise. A guest can only ever lose its own memory.
package balloon

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"linuxkvm/memory"
	"linuxkvm/virtio"
)

// PageSize is the size of a page of a balloon, whatever the size of the host's and
// the guest's pages is.
const PageSize = 4096

// Releaser gives guest memory back to the host. A *memory.Space is one.
type Releaser interface {
	// Discard makes a range read as zeros and take no host memory until it is used
	// again. gpa and n are multiples of the host's page size. An error that is
	// memory.ErrRange says that not all of it is RAM, and that nothing was done.
	Discard(gpa, n uint64) error
}

// Config says what a balloon does.
type Config struct {
	// Memory is the guest's; nil is that which SetMemory gets from the machine.
	Memory Releaser
	// Target is how many pages of PageSize bytes the guest is to give at once.
	Target uint32
	// DeflateOnOOM lets the guest take pages back when it has no other memory.
	DeflateOnOOM bool
	// Reporting has the guest tell which pages are free, so that these go back to
	// the host without a target.
	Reporting bool
	// OnError is told of errors of Memory that are not the guest's fault; nil for
	// nobody. It is called by several goroutines at a time.
	OnError func(error)

	hostPage uint64 // 0 is the host's
}

const queueSize = 128

// Device is a virtio.Device.
type Device struct {
	cfg      Config
	target   atomic.Uint32
	actual   atomic.Uint32
	poison   atomic.Uint32 // what the guest fills free pages with
	counters counters
	ask      chan struct{} // somebody waits for statistics

	mu      sync.Mutex
	session *virtio.Session // that runs, or nil
	stats   bool            // and has statistics
	waiting []chan Stats
}

var _ virtio.Device = (*Device)(nil)

// New makes a balloon.
func New(cfg Config) *Device {
	if cfg.hostPage == 0 {
		cfg.hostPage = uint64(os.Getpagesize())
	}
	d := &Device{cfg: cfg, ask: make(chan struct{}, 1)}
	d.target.Store(cfg.Target)
	return d
}

// SetMemory implements virtio.MemoryUser: it is the memory where Config has none.
func (d *Device) SetMemory(s *memory.Space) {
	if d.cfg.Memory == nil {
		d.cfg.Memory = s
	}
}

// SetTarget asks the guest to have given so many pages of PageSize bytes, more or
// less than now. The guest does it when it can; see Actual.
func (d *Device) SetTarget(pages uint32) {
	if d.target.Swap(pages) == pages {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.session != nil {
		d.session.ConfigChanged()
	}
}

// Target returns how many pages the guest is to give.
func (d *Device) Target() uint32 { return d.target.Load() }

// Actual returns how many pages the guest says that it has given.
func (d *Device) Actual() uint32 { return d.actual.Load() }

// Counters count pages of PageSize bytes since the balloon was made.
type Counters struct {
	Inflated uint64 // given by the guest, and released
	Deflated uint64 // taken back by it
	Reported uint64 // told to be free, and released
	Kept     uint64 // not released, since they are a part of one of the host's pages
	Ignored  uint64 // not RAM
	Failed   uint64 // not released because of an error
}

type counters struct{ inflated, deflated, reported, kept, ignored, failed atomic.Uint64 }

// Counters returns the counters.
func (d *Device) Counters() Counters {
	c := &d.counters
	return Counters{c.inflated.Load(), c.deflated.Load(), c.reported.Load(), c.kept.Load(), c.ignored.Load(), c.failed.Load()}
}

// count counts the pages of a range by what came of releasing it.
func (d *Device) count(gpa, n uint64, err error, released *atomic.Uint64) {
	switch {
	case err == nil:
		released.Add(n / PageSize)
	case errors.Is(err, memory.ErrRange):
		d.counters.ignored.Add(n / PageSize)
	default:
		d.counters.failed.Add(n / PageSize)
		if d.cfg.OnError != nil {
			d.cfg.OnError(fmt.Errorf("virtio/balloon: release %d bytes at GPA %#x: %w", n, gpa, err))
		}
	}
}

// inward cuts a range to whole pages of the host, and counts what is cut off.
func (d *Device) inward(gpa, n uint64) (uint64, uint64) {
	page := d.cfg.hostPage
	first, end := (gpa+page-1)&^(page-1), (gpa+n)&^(page-1)
	if gpa+n < gpa || first < gpa || first >= end {
		d.counters.kept.Add(n / PageSize)
		return 0, 0
	}
	d.counters.kept.Add((n - (end - first)) / PageSize)
	return first, end - first
}
