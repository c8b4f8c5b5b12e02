package balloon

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"linuxkvm/memory"
	"linuxkvm/virtio"
	"linuxkvm/virtio/internal/drive"
)

// ram is the driver's memory, which there is only after the device, and remembers
// what was released.
type ram struct {
	mu       sync.Mutex
	space    *memory.Space
	released [][2]uint64
	fail     error
}

func (r *ram) Discard(gpa, n uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return r.fail
	}
	err := r.space.Discard(gpa, n)
	if err == nil {
		r.released = append(r.released, [2]uint64{gpa, n})
	}
	return err
}

func (r *ram) take() [][2]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.released
	r.released = nil
	return list
}

func newDriver(t testing.TB, cfg Config, without uint64) (*drive.Driver, *Device, *ram) {
	t.Helper()
	r := new(ram)
	cfg.Memory = r
	dev := New(cfg)
	d := drive.New(t, dev)
	r.space = d.Space
	d.Start(without)
	return d, dev, r
}

// The driver's memory is from page 0 to 2047; its queues are at the beginning.
const (
	ramPages = 2048
	spare    = 1024
)

func numbers(pages ...uint32) []byte {
	var p []byte
	for _, v := range pages {
		p = binary.LittleEndian.AppendUint32(p, v)
	}
	return p
}

func fill(d *drive.Driver, page, n int) {
	d.Put(uint64(page)*PageSize, bytes.Repeat([]byte{7}, n*PageSize))
}

// wantZeroed checks which of the pages were released.
func wantZeroed(t *testing.T, d *drive.Driver, first int, want ...bool) {
	t.Helper()
	for i, zeroed := range want {
		p := d.Get(uint64(first+i)*PageSize, PageSize)
		if got := bytes.Equal(p, make([]byte, PageSize)); got != zeroed {
			t.Errorf("page %d: zeros %v, want %v", first+i, got, zeroed)
		}
	}
}

func TestInflate(t *testing.T) {
	d, dev, r := newDriver(t, Config{}, 0)
	fill(d, spare, 8)
	d.Queue(inflateQueue).Do(numbers(spare+1, spare+6, spare+3, spare+2, spare+3), 0)
	wantZeroed(t, d, spare, false, true, true, true, false, false, true, false)
	want := [][2]uint64{{(spare + 1) * PageSize, 3 * PageSize}, {(spare + 6) * PageSize, PageSize}}
	if got := r.take(); !slices.Equal(got, want) {
		t.Errorf("released %#x, want %#x", got, want)
	}
	d.Queue(deflateQueue).Do(numbers(spare+1, spare+6), 0)
	fill(d, spare+1, 1)
	wantZeroed(t, d, spare+1, false)
	if got, want := dev.Counters(), (Counters{Inflated: 4, Deflated: 2}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func TestHostilePages(t *testing.T) {
	var told []error
	d, dev, r := newDriver(t, Config{OnError: func(err error) { told = append(told, err) }}, 0)
	fill(d, ramPages-2, 2)
	// The end of RAM, what is behind it, and the largest number.
	d.Queue(inflateQueue).Do(append(numbers(ramPages+1, ramPages-1, ramPages, 1<<32-1), 1, 2, 3), 0)
	wantZeroed(t, d, ramPages-2, false, true)
	if got, want := dev.Counters(), (Counters{Inflated: 1, Ignored: 3}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	r.take()
	// Chains of nothing, of what is not memory, of what is to be written.
	for _, b := range []drive.Buffer{{}, {GPA: 1 << 40, Size: 64}, d.In(64), d.Out([]byte{1})} {
		for i := range statsQueue {
			d.Queue(i).Add(b)
			d.Queue(i).Kick()
			d.Queue(i).WaitUsed()
		}
	}
	if got := r.take(); got != nil {
		t.Errorf("released %#x", got)
	}
	if told != nil {
		t.Errorf("told of %v, where all was the guest's doing", told)
	}
	// A failure of the host.
	r.fail = errors.New("no")
	d.Queue(inflateQueue).Do(numbers(spare, spare+1), 0)
	if got := dev.Counters(); got.Failed != 2 || len(told) != 1 || !errors.Is(told[0], r.fail) {
		t.Errorf("counted %+v, told of %v", got, told)
	}
}

// A chain that names a million pages, all the same ones, ends with a reset at least.
func TestHostileLength(t *testing.T) {
	d, dev, _ := newDriver(t, Config{}, 0)
	pages := make([]uint32, 1<<18)
	for i := range pages {
		pages[i] = spare*3/2 + uint32(i%64)*2 // a run each
	}
	b := d.Out(numbers(pages...))
	list := make([]drive.Buffer, 1000)
	for i := range list {
		list[i] = b
	}
	d.Queue(inflateQueue).AddIndirect(list...)
	d.Queue(inflateQueue).Kick()
	for end := time.Now().Add(drive.Patience); dev.Counters().Inflated == 0; {
		if time.Now().After(end) {
			t.Fatal("nothing happens")
		}
	}
	start := time.Now()
	d.Start(0)
	if took := time.Since(start); took > drive.Patience/2 {
		t.Errorf("the reset took %v", took)
	}
	d.Queue(inflateQueue).Do(numbers(spare), 0)
}

func TestTarget(t *testing.T) {
	d, dev, _ := newDriver(t, Config{Target: 3}, 0)
	target := func() uint32 { return binary.LittleEndian.Uint32(d.Config(configTarget, 4)) }
	if target() != 3 || dev.Target() != 3 {
		t.Errorf("target %d", target())
	}
	before := d.Reg(0xfc)
	dev.SetTarget(3)
	if d.Reg(0xfc) != before {
		t.Error("told of the same target")
	}
	dev.SetTarget(500)
	if target() != 500 || d.Reg(0xfc) == before || d.Reg(drive.InterruptStatus)&2 == 0 {
		t.Errorf("target %d, generation %d", target(), d.Reg(0xfc))
	}
	d.SetReg(0x100+configActual, 77)
	d.SetReg(0x100+configTarget, 99)                // not the driver's
	d.MMIO.Write(0x100+configActual, []byte{1})     // not the field
	d.MMIO.Write(0x100+configActual+1, numbers(99)) // nor this
	if dev.Actual() != 77 || target() != 500 {
		t.Errorf("actual %d, target %d", dev.Actual(), target())
	}
	d.SetReg(drive.Status, 0)
	if dev.Actual() != 0 {
		t.Errorf("actual %d after a reset", dev.Actual())
	}
	dev.SetTarget(0) // without a driver
}

func TestFeatures(t *testing.T) {
	for _, c := range []struct {
		cfg    Config
		want   uint64
		queues int
	}{
		{Config{}, featureStats, 3},
		{Config{DeflateOnOOM: true}, featureStats | featureOOM, 3},
		{Config{Reporting: true}, featureStats | featurePoison | featureReporting, 5},
	} {
		c.cfg.Memory = new(ram)
		dev := New(c.cfg)
		if dev.Features() != c.want || len(dev.QueueSizes()) != c.queues {
			t.Errorf("%+v: features %#x, %d queues", c.cfg, dev.Features(), len(dev.QueueSizes()))
		}
	}
	if err := New(Config{}).Start(nil); err == nil {
		t.Error("a balloon without memory")
	}
}

// The queue of free pages is found where the specification puts it, and where Linux
// does.
func TestReporting(t *testing.T) {
	for name, c := range map[string]struct {
		without uint64
		queue   int
	}{
		"specification":           {0, 4},
		"Linux":                   {0, 3},
		"Linux, no statistics":    {featureStats, 2},
		"no knowledge of poison":  {featurePoison, 4},
		"nothing else negotiated": {^(featureReporting | virtio.FeatureVersion1), 2},
	} {
		t.Run(name, func(t *testing.T) {
			d, dev, r := newDriver(t, Config{Reporting: true}, c.without)
			fill(d, spare, 8)
			q := d.Queue(c.queue)
			report := func() {
				q.Add(
					drive.Buffer{GPA: (spare + 1) * PageSize, Size: 2 * PageSize, Write: true},
					drive.Buffer{GPA: (spare+4)*PageSize + 1, Size: 2 * PageSize, Write: true}, // crooked
					drive.Buffer{GPA: (ramPages - 1) * PageSize, Size: 2 * PageSize, Write: true},
					drive.Buffer{GPA: 1<<64 - PageSize, Size: PageSize, Write: true},
				)
				q.Kick()
				if _, n := q.WaitUsed(); n != 0 {
					t.Errorf("%d bytes written", n)
				}
			}
			report()
			wantZeroed(t, d, spare, false, true, true, false, false, true, false, false)
			if got, want := dev.Counters(), (Counters{Reported: 3, Kept: 2, Ignored: 2}); got != want {
				t.Errorf("counted %+v, want %+v", got, want)
			}
			if r.take(); c.without&featurePoison == 0 {
				d.SetReg(0x100+configPoison, 0xaa)
				report()
				if got := r.take(); got != nil {
					t.Errorf("pages that must keep their poison were released: %#x", got)
				}
			}
		})
	}
}

// Pages of a host that has larger ones are released as whole ones.
func TestLargeHostPages(t *testing.T) {
	d, dev, r := newDriver(t, Config{Reporting: true, hostPage: 16 << 10}, 0)
	fill(d, spare, 16)
	var pages []uint32
	for i := range uint32(10) {
		pages = append(pages, spare+3+i)
	}
	d.Queue(inflateQueue).Do(numbers(pages...), 0)
	if got, want := r.take(), [][2]uint64{{(spare + 4) * PageSize, 8 * PageSize}}; !slices.Equal(got, want) {
		t.Errorf("released %#x, want %#x", got, want)
	}
	d.Queue(inflateQueue).Do(numbers(spare), 0)
	if got, want := dev.Counters(), (Counters{Inflated: 8, Kept: 3}); got != want || r.take() != nil {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

func stat(tag uint16, v uint64) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint16(nil, tag), v)
}

func TestStats(t *testing.T) {
	d, dev, _ := newDriver(t, Config{}, 0)
	q := d.Queue(statsQueue)
	ctx, cancel := context.WithTimeout(t.Context(), drive.Patience)
	defer cancel()
	offer := func(p []byte) {
		q.Add(d.Out(p))
		q.Kick()
	}
	offer(stat(5, 1000))
	for i := range uint64(3) {
		got := make(chan Stats)
		for range 2 {
			go func() {
				s, err := dev.Stats(ctx)
				if err != nil {
					t.Error(err)
				}
				got <- s
			}()
		}
		for answered := 0; answered < 2; {
			q.WaitUsed()
			offer(slices.Concat(stat(4, i), stat(5, 1000), stat(999, 1), stat(16, 1), []byte{6, 0, 1}))
			for wait := true; wait && answered < 2; {
				select {
				case s := <-got:
					answered++
					free, ok1 := s.Get(StatFree)
					total, ok2 := s.Get(StatTotal)
					_, ok3 := s.Get(StatAvailable)
					if free != i || total != 1000 || !ok1 || !ok2 || ok3 {
						t.Errorf("round %d: %+v", i, s)
					}
				case <-time.After(50 * time.Millisecond):
					wait = false
				}
			}
		}
	}
	if _, ok := new(Stats).Get(statCount); ok {
		t.Error("a statistic that is not there")
	}
}

// Who waits for a driver that does not answer gets away, and with a reset too.
func TestStatsUnanswered(t *testing.T) {
	d, dev, _ := newDriver(t, Config{}, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	if _, err := dev.Stats(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without an answer: %v", err)
	}
	for _, chains := range []int{0, 1} { // it is asked, or not even that
		d.Start(0)
		for range chains {
			d.Queue(statsQueue).Add(d.Out(stat(5, 1)))
			d.Queue(statsQueue).Kick()
		}
		errs := make(chan error)
		go func() {
			_, err := dev.Stats(t.Context())
			errs <- err
		}()
		time.Sleep(5 * time.Millisecond)
		d.SetReg(drive.Status, 0)
		if err := <-errs; !errors.Is(err, ErrNoStats) {
			t.Errorf("%d chains, then a reset: %v", chains, err)
		}
	}
	d.Start(featureStats)
	if _, err := dev.Stats(t.Context()); !errors.Is(err, ErrNoStats) {
		t.Errorf("for a driver that has none: %v", err)
	}
}

// FuzzBalloon is a chain in each queue and writes to the configuration.
func FuzzBalloon(f *testing.F) {
	f.Add(numbers(spare, spare+1, 1<<32-1), uint8(0), uint64(spare*PageSize), uint32(PageSize), uint32(0))
	f.Add(slices.Concat(stat(5, 1), stat(1000, 1)), uint8(2), uint64(0), uint32(0), uint32(1))
	f.Add([]byte{}, uint8(4), uint64(1)<<63, uint32(1)<<31, uint32(0))
	f.Fuzz(func(t *testing.T, p []byte, queue uint8, gpa uint64, n, poison uint32) {
		d, dev, r := newDriver(t, Config{Reporting: true}, 0)
		d.SetReg(0x100+configPoison, poison)
		q := d.Queue(int(queue % 5))
		q.Add(d.Out(p[:min(len(p), 1<<16)]), drive.Buffer{GPA: gpa, Size: int(n >> 1), Write: true})
		q.Kick()
		// Its own queues may be among the pages, so that nothing is sure but this:
		d.Start(0)
		if len(r.take()) > 0 && dev.Counters().Inflated+dev.Counters().Reported == 0 {
			t.Error("released and not counted")
		}
		d.Queue(inflateQueue).Do(numbers(spare), 0)
	})
}
