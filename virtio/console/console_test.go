package console_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"linuxkvm/virtio/console"
	"linuxkvm/virtio/internal/drive"
)

const (
	receive  = 0
	transmit = 1
)

// sink is a writer that is safe to look at.
type sink struct {
	mu    sync.Mutex
	bytes []byte
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes = append(s.bytes, p...)
	return len(p), nil
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.bytes)
}

func newDriver(t testing.TB, cfg console.Config) (*drive.Driver, *console.Device) {
	t.Helper()
	dev := console.New(cfg)
	t.Cleanup(func() { dev.Close() })
	d := drive.New(t, dev)
	d.Start(0)
	return d, dev
}

func flush(t *testing.T, dev *console.Device) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), drive.Patience)
	defer cancel()
	return dev.Flush(ctx)
}

func TestOutput(t *testing.T) {
	out := new(sink)
	d, dev := newDriver(t, console.Config{Output: out})
	var want strings.Builder
	for range 100 {
		for _, s := range []string{"hello, ", "world\r\n", strings.Repeat("x", 5000)} {
			d.Queue(transmit).Do([]byte(s), 0)
			want.WriteString(s)
		}
	}
	if err := flush(t, dev); err != nil {
		t.Fatal(err)
	}
	if out.String() != want.String() {
		t.Errorf("%d bytes, want %d", len(out.String()), want.Len())
	}
}

func typeIn(t *testing.T, w io.Writer, s string) {
	if _, err := io.WriteString(w, s); err != nil {
		t.Error(err)
	}
}

func TestInput(t *testing.T) {
	r, w := io.Pipe()
	d, _ := newDriver(t, console.Config{Input: r})
	for _, want := range []string{"a", "line\n", strings.Repeat("y", 4000)} {
		go typeIn(t, w, want)
		if got := d.Queue(receive).Do(nil, 4096); string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	// More than the driver has room for comes in turns.
	go typeIn(t, w, "0123456789")
	for _, want := range []string{"0123", "4567", "89"} {
		if got := d.Queue(receive).Do(nil, 4); string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	w.Close()
}

// What was typed before the driver is there, and what it did not fetch before a
// reset, is not lost.
func TestInputWaits(t *testing.T) {
	d, _ := newDriver(t, console.Config{Input: strings.NewReader("typed early")})
	if got := d.Queue(receive).Do(nil, 6); string(got) != "typed " {
		t.Errorf("got %q", got)
	}
	d.Start(0)
	if got := d.Queue(receive).Do(nil, 60); string(got) != "early" {
		t.Errorf("after a reset got %q", got)
	}
}

// slow is a writer that waits to be let go.
type slow struct {
	sink
	begun chan struct{}
	gate  chan struct{}
}

func (s *slow) Write(p []byte) (int, error) {
	select {
	case s.begun <- struct{}{}:
	default:
	}
	<-s.gate
	return s.sink.Write(p)
}

// A writer that blocks holds up the driver, but no register and no reset, and what
// was taken from the driver arrives.
func TestSlowOutput(t *testing.T) {
	out := &slow{begun: make(chan struct{}, 1), gate: make(chan struct{})}
	d, dev := newDriver(t, console.Config{Output: out, OutputBuffer: 8})
	q := d.Queue(transmit)
	q.Do([]byte("12345678"), 0)
	<-out.begun
	q.Add(d.Out([]byte("abc")))
	q.Kick()
	time.Sleep(10 * time.Millisecond)
	if q.UsedIndex() != 1 {
		t.Error("a chain was taken without room for it")
	}
	d.MMIO.Write(0x108, []byte("!\x00\x00\x00"))
	if dev.Lost() != 1 {
		t.Errorf("%d bytes lost, want that of an emergency", dev.Lost())
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := dev.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Flush: %v", err)
	}
	d.Start(0)
	q = d.Queue(transmit)
	q.Add(d.Out([]byte("def")))
	q.Kick()
	close(out.gate)
	q.WaitUsed()
	if err := flush(t, dev); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "12345678def" {
		t.Errorf("got %q", got)
	}
}

// What is in the buffer at the end is still written.
func TestClose(t *testing.T) {
	out := &slow{begun: make(chan struct{}, 1), gate: make(chan struct{})}
	d, dev := newDriver(t, console.Config{Output: out})
	d.Queue(transmit).Do([]byte("first, "), 0)
	<-out.begun
	d.Queue(transmit).Do([]byte("second"), 0)
	for range 2 {
		if err := dev.Close(); err != nil {
			t.Fatal(err)
		}
	}
	close(out.gate)
	<-dev.Done()
	if got := out.String(); got != "first, second" {
		t.Errorf("got %q", got)
	}
	// What comes later is dropped, and holds up nobody.
	d.Queue(transmit).Do(make([]byte, 1<<20), 0)
	d.Queue(transmit).Do([]byte("late"), 0)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
func (f failing) Read([]byte) (int, error)  { return 0, f.err }

// Errors of the host's ends are told of once, and the guest goes on.
func TestEndsFail(t *testing.T) {
	broken := errors.New("unplugged")
	told := make(chan error, 8)
	d, dev := newDriver(t, console.Config{Input: failing{broken}, Output: failing{broken}, OnError: func(err error) { told <- err }})
	for range 3 {
		d.Queue(transmit).Do(make([]byte, 100<<10), 0)
	}
	if err := flush(t, dev); !errors.Is(err, broken) {
		t.Errorf("Flush: %v", err)
	}
	for range 2 {
		if err := <-told; !errors.Is(err, broken) {
			t.Error(err)
		}
	}
	select {
	case err := <-told:
		t.Errorf("told again: %v", err)
	default:
	}
}

func TestSize(t *testing.T) {
	d, dev := newDriver(t, console.Config{Columns: 80, Rows: 25})
	size := func() (uint16, uint16) {
		c := d.Config(0, 12)
		return binary.LittleEndian.Uint16(c), binary.LittleEndian.Uint16(c[2:])
	}
	if c, r := size(); c != 80 || r != 25 {
		t.Errorf("%d columns, %d rows", c, r)
	}
	before := d.Reg(0xfc)
	dev.SetSize(80, 25)
	if d.Reg(0xfc) != before {
		t.Error("told of the same size")
	}
	dev.SetSize(132, 50)
	if c, r := size(); c != 132 || r != 50 || d.Reg(0xfc) == before || d.Reg(drive.InterruptStatus)&2 == 0 {
		t.Errorf("then %d columns, %d rows, generation %d", c, r, d.Reg(0xfc))
	}
	d.SetReg(drive.Status, 0)
	dev.SetSize(1, 1) // without a driver
}

func TestEmergency(t *testing.T) {
	out := new(sink)
	dev := console.New(console.Config{Output: out})
	t.Cleanup(func() { dev.Close() })
	d := drive.New(t, dev) // which does not start
	for _, b := range "Oops" {
		d.MMIO.Write(0x108, []byte{byte(b), 0xff, 0xff, 0xff})
	}
	d.MMIO.Write(0x104, []byte("nothing"))
	d.MMIO.Write(0x10c, []byte("nothing"))
	if err := flush(t, dev); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "Oops" {
		t.Errorf("got %q", got)
	}
}

// Chains that claim much, that are nowhere, that go the wrong way.
func TestHostile(t *testing.T) {
	out := &slow{begun: make(chan struct{}, 1), gate: make(chan struct{})}
	d, dev := newDriver(t, console.Config{Input: strings.NewReader("input"), Output: out, OutputBuffer: 100})
	nowhere := uint64(1) << 40
	var huge []drive.Buffer
	b := d.Out(make([]byte, 1<<20))
	for range 1000 {
		huge = append(huge, b)
	}
	d.Queue(transmit).AddIndirect(huge...)
	d.Queue(transmit).Kick()
	<-out.begun
	d.Start(0) // while it is being taken
	close(out.gate)
	for _, q := range []*drive.Queue{d.Queue(receive), d.Queue(transmit)} {
		for _, b := range []drive.Buffer{{GPA: nowhere, Size: 10, Write: true}, {GPA: nowhere, Size: 10}, {Size: 0}} {
			q.Add(b)
			q.Kick()
			if _, n := q.WaitUsed(); n != 0 {
				t.Errorf("%d bytes written", n)
			}
		}
	}
	if got := d.Queue(receive).Do(nil, 100); string(got) != "input" {
		t.Errorf("got %q", got)
	}
	if err := flush(t, dev); err != nil {
		t.Error(err)
	}
	if n := len(out.String()); n > 5000 {
		t.Errorf("%d bytes of a huge chain were taken without room", n)
	}
}

// FuzzConsole is chains in both queues, and writes to the configuration.
func FuzzConsole(f *testing.F) {
	f.Add([]byte("output"), uint16(10), uint16(0x108), uint64(0))
	f.Add([]byte{}, uint16(0), uint16(0), uint64(1)<<40)
	f.Fuzz(func(t *testing.T, p []byte, in, off uint16, gpa uint64) {
		p = p[:min(len(p), 1<<16)]
		out := new(sink)
		d, dev := newDriver(t, console.Config{Input: bytes.NewReader([]byte("some input")), Output: out, OutputBuffer: 64})
		if off != 8 {
			d.MMIO.Write(0x100+uint64(off), p[:min(len(p), 8)])
		}
		d.Queue(transmit).Do(p, int(in))
		got := d.Queue(receive).Do(p, int(in))
		if want := "some input"; string(got) != want[:min(len(got), len(want))] {
			t.Errorf("received %q", got)
		}
		if err := flush(t, dev); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != string(p) {
			t.Errorf("sent %q, want %q", got, p)
		}
		// Not over the queues.
		d.Queue(receive).Add(drive.Buffer{GPA: max(gpa, d.Alloc(16)), Size: int(in), Write: true})
		d.Queue(receive).Kick()
		d.Start(0)
		d.Queue(transmit).Do([]byte("x"), 0)
	})
}
