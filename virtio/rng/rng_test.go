package rng_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"linuxkvm/virtio/internal/drive"
	"linuxkvm/virtio/rng"
	"linuxkvm/virtio/throttle"
)

func newDriver(t testing.TB, cfg rng.Config) *drive.Driver {
	d := drive.New(t, rng.New(cfg))
	d.Start(0)
	return d
}

func TestRandom(t *testing.T) {
	d := newDriver(t, rng.Config{})
	a, b := d.Queue(0).Do(nil, 64), d.Queue(0).Do(nil, 64)
	if len(a) != 64 || len(b) != 64 || bytes.Equal(a, b) || bytes.Equal(a, make([]byte, 64)) {
		t.Errorf("not random: %x and %x", a, b)
	}
	// All of a request of several pieces.
	got := d.Queue(0).Do(nil, 10000)
	if len(got) != 10000 || bytes.Contains(got, make([]byte, 32)) {
		t.Errorf("%d bytes, or zeros among them", len(got))
	}
}

// endless is a source that counts.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0xa5
	}
	e.read += len(p)
	return len(p), nil
}

// However much is asked for, a request gets little, and writes nowhere but to its
// buffers.
func TestHostile(t *testing.T) {
	source := new(endless)
	d := newDriver(t, rng.Config{Source: source})
	q := d.Queue(0)
	in := d.In(1 << 20)
	var buffers []drive.Buffer
	for range 1000 {
		buffers = append(buffers, in)
	}
	for name, c := range map[string]struct {
		buffers []drive.Buffer
		want    int
	}{
		"a gigabyte":         {buffers, 64 << 10},
		"nothing":            {[]drive.Buffer{d.Out([]byte("x"))}, 0},
		"nowhere":            {[]drive.Buffer{{GPA: 1 << 40, Size: 64, Write: true}}, 0},
		"somewhere, nowhere": {[]drive.Buffer{{GPA: in.GPA, Size: 64, Write: true}, {GPA: 1 << 40, Size: 64, Write: true}}, 64},
	} {
		source.read = 0
		q.AddIndirect(c.buffers...)
		q.Kick()
		if _, n := q.WaitUsed(); n != c.want || source.read > 64<<10 {
			t.Errorf("%s: %d bytes, want %d; %d were taken from the source", name, n, c.want, source.read)
		}
	}
}

func TestSourceFails(t *testing.T) {
	var told []error
	d := newDriver(t, rng.Config{Source: strings.NewReader("only this"), OnError: func(err error) { told = append(told, err) }})
	if got := d.Queue(0).Do(nil, 64); string(got) != "only this" {
		t.Errorf("got %q", got)
	}
	if got := d.Queue(0).Do(nil, 64); len(got) != 0 {
		t.Errorf("then %q", got)
	}
	if len(told) != 2 || !errors.Is(told[0], io.ErrUnexpectedEOF) || !errors.Is(told[1], io.EOF) {
		t.Errorf("told %v", told)
	}
}

// A limit delays, and does not hold up a reset.
func TestLimit(t *testing.T) {
	dev := rng.New(rng.Config{Limit: throttle.Limit{BytesPerSecond: 1}})
	d := drive.New(t, dev)
	d.Start(0)
	d.Queue(0).Add(d.In(4096))
	d.Queue(0).Kick()
	time.Sleep(10 * time.Millisecond)
	if d.Queue(0).UsedIndex() != 0 {
		t.Error("4096 bytes passed a limit of 1 a second")
	}
	d.Start(0)
	dev.SetLimit(throttle.Limit{})
	if got := d.Queue(0).Do(nil, 64); len(got) != 64 {
		t.Errorf("%d bytes without a limit", len(got))
	}
}

// FuzzRequest is requests of any shape.
func FuzzRequest(f *testing.F) {
	f.Add(uint64(0x10000), uint32(64), uint64(1)<<63, uint32(1)<<31)
	f.Add(uint64(0), uint32(0), uint64(0), uint32(0))
	f.Fuzz(func(t *testing.T, gpa1 uint64, n1 uint32, gpa2 uint64, n2 uint32) {
		d := newDriver(t, rng.Config{})
		q := d.Queue(0)
		// Not over the queue itself.
		low := d.Alloc(16)
		q.Add(drive.Buffer{GPA: max(gpa1, low), Size: int(n1 >> 1), Write: true}, drive.Buffer{GPA: max(gpa2, low), Size: int(n2 >> 1), Write: true})
		q.Kick()
		if _, n := q.WaitUsed(); n > 64<<10 {
			t.Errorf("%d bytes", n)
		}
		if got := q.Do(nil, 16); len(got) != 16 {
			t.Errorf("then %d bytes", len(got))
		}
	})
}
