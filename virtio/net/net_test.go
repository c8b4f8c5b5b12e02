package net_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	stdnet "net"
	"strings"
	"testing"
	"time"

	"linuxkvm/virtio"
	"linuxkvm/virtio/internal/drive"
	"linuxkvm/virtio/net"
)

var mac = stdnet.HardwareAddr{2, 0, 0, 0, 0, 7}

// wire is a backend whose other end is the test.
type wire struct {
	features uint64
	startErr error
	accepted uint64
	ctx      context.Context
	to, from chan []byte
}

func newWire(features uint64) *wire {
	return &wire{features: features, to: make(chan []byte, 512), from: make(chan []byte, 512)}
}

func (w *wire) Features() uint64 { return w.features }

func (w *wire) Start(ctx context.Context, features uint64) error {
	w.ctx, w.accepted = ctx, features
	return w.startErr
}

func (w *wire) ReadPacket(p []byte) (int, error) {
	select {
	case b := <-w.to:
		return copy(p, b), nil
	case <-w.ctx.Done():
		return 0, w.ctx.Err()
	}
}

func (w *wire) WritePacket(p []byte) error {
	select {
	case w.from <- bytes.Clone(p):
		return nil
	default:
		return errors.New("the wire is full")
	}
}

func newDevice(t testing.TB, w *wire) (*net.Device, *drive.Driver) {
	t.Helper()
	dev, err := net.New(net.Config{MAC: mac, MTU: 1400, Backend: w})
	if err != nil {
		t.Fatal(err)
	}
	return dev, drive.New(t, dev)
}

// packet makes one with an empty header.
func packet(h net.Header, frame int) []byte {
	p := make([]byte, net.HeaderSize, net.HeaderSize+frame)
	h.Encode(p)
	for i := range frame {
		p = append(p, byte(i))
	}
	return p
}

// soon waits for what is going to be.
func soon(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(drive.Patience); !is(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatal("not soon: " + what)
		}
	}
}

func TestNew(t *testing.T) {
	w := newWire(0)
	for want, cfg := range map[string]net.Config{
		"MAC address": {MAC: stdnet.HardwareAddr{1, 0, 0, 0, 0, 0}, Backend: w},
		"6 bytes":     {MAC: mac[:5], Backend: w},
		"MTU 67":      {MAC: mac, MTU: 67, Backend: w},
		"usernet":     {MAC: mac},
	} {
		if _, err := net.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestConfig(t *testing.T) {
	dev, d := newDevice(t, newWire(^uint64(0)))
	d.Start(0)
	if got, want := d.Config(0, 12), append(bytes.Clone(mac), 1, 0, 1, 0, 0x78, 5); !bytes.Equal(got, want) {
		t.Errorf("configuration %x, want %x", got, want)
	}
	if f := dev.Features(); f>>32 != 0 || f&(1<<17) != 0 || f&net.FeatureMTU == 0 {
		t.Errorf("features %#x: a backend's that are not its to offer", f)
	}
	dev.SetLink(false)
	if err := d.IRQ.Within(drive.Patience); err != nil {
		t.Error(err)
	}
	if got := d.Config(6, 2); got[0] != 0 {
		t.Errorf("status %x without a link", got)
	}
}

// What the backend hears of features is what makes sense.
func TestFeatures(t *testing.T) {
	all := net.FeatureCSUM | net.FeatureGuestCSUM | net.FeatureHostTSO4 | net.FeatureGuestTSO4
	for without, want := range map[uint64]uint64{
		0:                                     all,
		net.FeatureCSUM:                       net.FeatureGuestCSUM | net.FeatureGuestTSO4,
		net.FeatureGuestCSUM:                  net.FeatureCSUM | net.FeatureHostTSO4,
		net.FeatureMergeable | net.FeatureMTU: all,
	} {
		w := newWire(all)
		_, d := newDevice(t, w)
		d.Start(without)
		if w.accepted != want {
			t.Errorf("without %#x: %#x, want %#x", without, w.accepted, want)
		}
	}
}

func TestBackendFails(t *testing.T) {
	w := newWire(0)
	w.startErr = errors.New("unplugged")
	_, d := newDevice(t, w)
	d.Negotiate(0)
	d.SetReg(drive.Status, 15)
	if err := <-d.Broken; err == nil {
		t.Error("no error")
	}
}

// What the guest sends, and what it may not.
func TestSend(t *testing.T) {
	tso := net.Header{Flags: 1, GSOType: 1, HeaderLen: 54, GSOSize: 1400, CSUMStart: 34, CSUMOffset: 16}
	with := func(change func(*net.Header)) net.Header { h := tso; change(&h); return h }
	for name, c := range map[string]struct {
		without uint64
		h, want net.Header
		frame   int
		dropped bool
	}{
		"a frame":                  {frame: 60},
		"the smallest":             {frame: 14},
		"the largest":              {frame: net.MaxPacket - net.HeaderSize, h: tso, want: tso},
		"too small":                {frame: 13, dropped: true},
		"too large":                {frame: net.MaxPacket - net.HeaderSize + 1, dropped: true},
		"no checksum":              {frame: 60, h: net.Header{CSUMStart: 3}, want: net.Header{}},
		"checksum outside":         {frame: 51, h: net.Header{Flags: 1, CSUMStart: 34, CSUMOffset: 16}, dropped: true},
		"checksum at the end":      {frame: 52, h: net.Header{Flags: 1, CSUMStart: 34, CSUMOffset: 16}, want: net.Header{Flags: 1, CSUMStart: 34, CSUMOffset: 16}},
		"checksum not negotiated":  {frame: 60, h: net.Header{Flags: 1}, without: net.FeatureCSUM, dropped: true},
		"segments":                 {frame: 4000, h: tso, want: tso},
		"segments not negotiated":  {frame: 4000, h: tso, without: net.FeatureHostTSO4, dropped: true},
		"segments of no size":      {frame: 4000, h: with(func(h *net.Header) { h.GSOSize = 0 }), dropped: true},
		"segments of IPv6":         {frame: 4000, h: with(func(h *net.Header) { h.GSOType = 4 }), dropped: true},
		"segments of UDP":          {frame: 4000, h: with(func(h *net.Header) { h.GSOType = 3 }), dropped: true},
		"segments with ECN":        {frame: 4000, h: with(func(h *net.Header) { h.GSOType |= 0x80 }), dropped: true},
		"segments, no checksum":    {frame: 4000, h: with(func(h *net.Header) { h.Flags = 0 }), dropped: true},
		"headers larger than all":  {frame: 60, h: with(func(h *net.Header) { h.HeaderLen = 61 }), want: with(func(h *net.Header) { h.HeaderLen = 60 })},
		"other flags, for nothing": {frame: 60, h: net.Header{Flags: 0xfe, HeaderLen: 3, GSOSize: 9}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(net.FeatureCSUM | net.FeatureHostTSO4)
			dev, d := newDevice(t, w)
			d.Start(c.without)
			p := packet(c.h, c.frame)
			p[10] = 0xff // the number of buffers means nothing here
			d.Queue(1).Do(p, 0)
			if s := dev.Stats(); c.dropped {
				if s.SendDropped != 1 || s.Sent != 0 || len(w.from) != 0 {
					t.Errorf("%+v, want it dropped", s)
				}
			} else if s.Sent != 1 || s.SendDropped != 0 {
				t.Errorf("%+v, want it sent", s)
			} else if got, want := <-w.from, packet(c.want, c.frame); !bytes.Equal(got, want) {
				t.Errorf("%x\nwant %x", got[:net.HeaderSize], want[:net.HeaderSize])
			}
		})
	}
}

// A packet is spread over buffers, and the driver sees all of them at once.
func TestMergeable(t *testing.T) {
	w := newWire(0)
	dev, d := newDevice(t, w)
	d.Start(0)
	q := d.Queue(0)
	bufs := []drive.Buffer{d.In(100), d.In(100), d.In(100), d.In(100)}
	for _, b := range bufs {
		q.Add(b)
	}
	q.Kick()
	want := packet(net.Header{Flags: net.FlagDataValid}, 210)
	w.to <- want
	var got []byte
	for i, size := range []int{100, 100, 22} {
		_, n := q.WaitUsed()
		if n != size || q.UsedIndex() != 3 {
			t.Fatalf("buffer %d: %d bytes, index %d", i, n, q.UsedIndex())
		}
		got = append(got, d.Get(bufs[i].GPA, n)...)
	}
	binary.LittleEndian.PutUint16(want[10:], 3)
	if !bytes.Equal(got, want) {
		t.Errorf("%x\nwant %x", got, want)
	}
	w.to <- packet(net.Header{}, 500) // more than there is
	soon(t, "a packet is dropped", func() bool { return dev.Stats().ReceiveDropped == 1 })
	w.to <- packet(net.Header{}, 88)
	if _, n := q.WaitUsed(); n != 100 || binary.LittleEndian.Uint16(d.Get(bufs[3].GPA+10, 2)) != 1 {
		t.Errorf("%d bytes in the buffer that was left", n)
	}
	if s := dev.Stats(); s.Received != 2 {
		t.Errorf("%+v", s)
	}
}

// Without mergeable buffers a packet is in one or is lost; the buffer is not.
func TestNotMergeable(t *testing.T) {
	w := newWire(0)
	dev, d := newDevice(t, w)
	d.Start(net.FeatureMergeable)
	q := d.Queue(0)
	q.Add(d.In(100), d.In(100))
	q.Add(d.In(500))
	q.Kick()
	w.to <- packet(net.Header{}, 189)
	w.to <- packet(net.Header{}, 188)
	w.to <- packet(net.Header{}, 60)
	if _, n := q.WaitUsed(); n != 200 {
		t.Errorf("%d bytes, want 200", n)
	}
	if _, n := q.WaitUsed(); n != 72 {
		t.Errorf("%d bytes, want 72", n)
	}
	if s := dev.Stats(); s != (net.Stats{Received: 2, ReceiveDropped: 1}) {
		t.Errorf("%+v", s)
	}
}

// While the guest has no buffers the backend keeps its packets, and a reset ends the
// waiting for either.
func TestNoBuffers(t *testing.T) {
	w := newWire(0)
	_, d := newDevice(t, w)
	for range 3 {
		d.Start(0)
		w.to <- packet(net.Header{}, 60)
		time.Sleep(10 * time.Millisecond)
		if len(w.to) != 1 {
			t.Fatal("a packet was taken that nobody wants")
		}
		d.Start(0) // waits for buffers, until the reset
		q := d.Queue(0)
		q.Add(d.In(2000))
		q.Kick()
		if _, n := q.WaitUsed(); n != 72 {
			t.Errorf("%d bytes", n)
		}
		q.Add(d.In(2000))
		q.Kick() // waits for a packet, until the reset
	}
}

// Buffers that are too small for anything are not in the way.
func TestSmallBuffers(t *testing.T) {
	w := newWire(0)
	_, d := newDevice(t, w)
	d.Start(0)
	q := d.Queue(0)
	q.Add(d.In(net.HeaderSize - 1))
	q.Kick()
	w.to <- packet(net.Header{}, 60)
	if _, n := q.WaitUsed(); n != 0 {
		t.Errorf("%d bytes in a buffer too small for a header", n)
	}
	for range q.Size {
		q.Add(d.In(net.HeaderSize))
	}
	q.Kick()
	w.to <- packet(net.Header{}, 60+256*net.HeaderSize)
	for range q.Size {
		if _, n := q.WaitUsed(); n != 0 {
			t.Errorf("%d bytes", n)
		}
	}
}

func TestNoLink(t *testing.T) {
	w := newWire(0)
	dev, d := newDevice(t, w)
	d.Start(0)
	dev.SetLink(false)
	d.Queue(1).Do(packet(net.Header{}, 60), 0)
	q := d.Queue(0)
	q.Add(d.In(2000))
	q.Kick()
	w.to <- packet(net.Header{}, 60)
	soon(t, "both are dropped", func() bool { return dev.Stats() == net.Stats{SendDropped: 1, ReceiveDropped: 1} })
	dev.SetLink(true)
	w.to <- packet(net.Header{}, 60)
	soon(t, "the next one is not", func() bool { return dev.Stats().Received == 1 })
}

// FuzzDriver is a driver that sends what it likes and has buffers of any size.
func FuzzDriver(f *testing.F) {
	f.Add(packet(net.Header{}, 60), uint16(2000), uint16(60), uint64(0))
	f.Add(packet(net.Header{1, 1, 54, 1400, 34, 16}, 200), uint16(12), uint16(900), uint64(0))
	f.Add([]byte{}, uint16(0), uint16(0), net.FeatureMergeable)
	f.Fuzz(func(t *testing.T, p []byte, room, frame uint16, without uint64) {
		w := newWire(net.FeatureCSUM | net.FeatureHostTSO4)
		dev, d := newDevice(t, w)
		d.Start(without &^ virtio.FeatureVersion1)
		d.Queue(1).Do(append([]byte{}, p[:min(len(p), 1<<20)]...), int(room))
		if len(w.from) > 0 {
			var h net.Header
			got := <-w.from
			if h.Decode(got); len(got) != len(p) || int(h.CSUMStart) > len(p) || int(h.HeaderLen) > len(p) {
				t.Errorf("%d bytes with %+v", len(got), h)
			}
		}
		q := d.Queue(0)
		for range 16 {
			q.Add(d.In(int(room)))
		}
		q.Kick()
		w.to <- packet(net.Header{}, int(frame))
		soon(t, "the packet is received or dropped", func() bool { s := dev.Stats(); return s.Received+s.ReceiveDropped == 1 || room == 0 && s.Received == 0 })
		if s := dev.Stats(); s.Received == 1 && (int(frame) > 16*int(room) || frame < 14) {
			t.Errorf("%+v: a frame of %d bytes in 16 buffers of %d", s, frame, room)
		}
	})
}

func BenchmarkSend(b *testing.B) {
	w := newWire(0)
	_, d := newDevice(b, w)
	d.Start(0)
	p := packet(net.Header{}, 1500)
	b.SetBytes(1500)
	go func() {
		for range w.from {
			continue
		}
	}()
	for range b.N {
		d.Queue(1).Do(p, 0)
	}
	close(w.from)
}
