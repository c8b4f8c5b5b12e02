package vsock_test

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"linuxkvm/virtio"
	"linuxkvm/virtio/internal/drive"
	"linuxkvm/virtio/vsock"
	gs "linuxkvm/virtio/vsock/internal/guestsock"
)

// raw is a guest that sends what it likes.
type raw struct {
	t      testing.TB
	dev    *vsock.Device
	d      *drive.Driver
	rx, tx *drive.Pool
}

func newRaw(t testing.TB) *raw {
	dev, d := newDevice(t)
	d.Start(0)
	return &raw{t: t, dev: dev, d: d, rx: d.NewPool(0, 64, 4096, true), tx: d.NewPool(1, 16, 70<<10, false)}
}

// packet is one that a guest may send, from port 9 to port 80.
func packet(op uint16) gs.Packet {
	return gs.Packet{Src: cid, Dst: 2, SrcPort: 9, DstPort: 80, Type: 1, Op: op, Alloc: 4096}
}

// sendRaw sends bytes and waits until the device has taken them.
func (r *raw) sendRaw(b []byte) {
	r.t.Helper()
	r.tx.Send(b)
	soon(r.t, "the device takes a packet", func() bool { return r.tx.Recv() != nil })
}

func (r *raw) send(p gs.Packet) { r.t.Helper(); r.sendRaw(p.Encode()) }

// recv waits for a packet of the device.
func (r *raw) recv() (p gs.Packet) {
	r.t.Helper()
	r.rx.Fill()
	soon(r.t, "a packet of the device", func() bool {
		b := r.rx.Recv()
		if b == nil {
			return false
		}
		var ok bool
		if p, ok = gs.Decode(b); !ok {
			r.t.Errorf("not a packet: %x", b)
		}
		return true
	})
	return p
}

// connect makes a connection from the guest.
func (r *raw) connect() net.Conn {
	r.t.Helper()
	l, err := r.dev.Listen(80)
	if err != nil {
		r.t.Fatal(err)
	}
	defer l.Close()
	r.send(packet(gs.Request))
	if p := r.recv(); p.Op != gs.Response || p.Alloc != vsock.BufferSize {
		r.t.Fatalf("the answer is %+v", p)
	}
	c, err := l.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

func (r *raw) wantRST() {
	r.t.Helper()
	if p := r.recv(); p.Op != gs.RST || p.SrcPort != 80 || p.DstPort != 9 {
		r.t.Errorf("the answer is %+v, want RST", p)
	}
}

// Packets to nobody, or that make no sense, are answered by RST.
func TestStrays(t *testing.T) {
	for name, change := range map[string]func(*gs.Packet){
		"data of no connection": func(p *gs.Packet) { p.Op, p.Data = gs.RW, []byte("x") },
		"no listener":           func(p *gs.Packet) { p.Op = gs.Request },
		"another type":          func(p *gs.Packet) { p.Type = 2 },
		"another host":          func(p *gs.Packet) { p.Dst = 3 },
		"an operation of none":  func(p *gs.Packet) { p.Op = 99 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRaw(t)
			p := packet(gs.RW)
			change(&p)
			r.send(p)
			r.wantRST()
		})
	}
}

// What breaks the rules of a connection breaks the connection.
func TestBrokenConn(t *testing.T) {
	withSize := func(n uint32) []byte {
		p := packet(gs.RW)
		b := p.Encode()
		b[24], b[25], b[26], b[27] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
		return b
	}
	request := packet(gs.Request)
	nonsense := packet(99)
	ends := packet(gs.Shutdown)
	ends.Flags = 2
	more := packet(gs.RW)
	more.Data = []byte("x")
	for name, packets := range map[string][][]byte{
		"data that is not there":  {withSize(1)},
		"more than a packet has":  {withSize(0xffff_ffff)},
		"a second request":        {request.Encode()},
		"an operation of none":    {nonsense.Encode()},
		"data after the end":      {ends.Encode(), more.Encode()},
		"more than there is room": credits(),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRaw(t)
			c := r.connect()
			for _, b := range packets {
				r.sendRaw(b)
			}
			r.wantRST()
			if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("write: %v", err)
			}
			if n, err := io.Copy(io.Discard, c); n > vsock.BufferSize || !errors.Is(err, syscall.ECONNRESET) && name != "data after the end" {
				t.Errorf("read %d bytes: %v", n, err)
			}
		})
	}
}

// credits are packets with more data than a connection has room for.
func credits() (all [][]byte) {
	p := packet(gs.RW)
	p.Data = make([]byte, 64<<10)
	for range vsock.BufferSize/len(p.Data) + 1 {
		all = append(all, p.Encode())
	}
	return all
}

// Packets too short, of somebody else, and resets of nothing are not answered.
func TestIgnored(t *testing.T) {
	r := newRaw(t)
	p := packet(gs.Request)
	r.sendRaw(p.Encode()[:gs.HeaderSize-1])
	p.Src = 3
	r.send(p)
	r.send(packet(gs.RST))
	for _, op := range []uint16{gs.RST, gs.RST} {
		r.send(packet(op))
	}
	r.send(packet(gs.RW))
	r.wantRST() // the only answer
	if _, _, stray := r.dev.Load(); stray != 0 {
		t.Errorf("%d more answers", stray)
	}
}

// A guest that asks and takes no answers is not listened to for ever. When it takes
// them it gets them all; a reset mends it too.
func TestNoBuffers(t *testing.T) {
	for _, reset := range []bool{false, true} {
		r := newRaw(t)
		for sent := 0; sent < vsock.MaxStray+64; {
			for r.tx.Recv() != nil {
				continue
			}
			if r.tx.Free() == 0 {
				if _, _, stray := r.dev.Load(); stray == vsock.MaxStray {
					break
				}
				continue
			}
			p := packet(gs.RW)
			r.tx.Send(p.Encode())
			sent++
		}
		time.Sleep(10 * time.Millisecond)
		if _, _, stray := r.dev.Load(); stray != vsock.MaxStray {
			t.Errorf("%d answers wait", stray)
		}
		if reset {
			r.d.SetReg(drive.Status, 0)
			if _, _, stray := r.dev.Load(); stray != 0 {
				t.Errorf("after a reset %d answers wait", stray)
			}
			continue
		}
		for range vsock.MaxStray + 1 {
			r.wantRST()
		}
	}
}

// Connections are bounded, those too that were reset before anybody accepted them.
func TestConnectStorm(t *testing.T) {
	r := newRaw(t)
	l, err := r.dev.Listen(80)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i := range uint32(4 * vsock.Backlog) {
		p := packet(gs.Request)
		p.SrcPort = 1000 + i
		r.send(p)
		if i%2 == 0 {
			p.Op = gs.RST
			r.send(p)
		}
		if open, sendable, stray := r.dev.Load(); open > vsock.Backlog || sendable > open || stray > vsock.MaxStray {
			t.Fatalf("%d connections, %d and %d packets", open, sendable, stray)
		}
		if _, _, stray := r.dev.Load(); stray > 100 {
			r.recv()
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for range 4 * vsock.Backlog {
		if open, sendable, stray := r.dev.Load(); open+sendable+stray == 0 {
			return
		}
		if p := r.recv(); p.Op == gs.Shutdown {
			p.Src, p.Dst, p.SrcPort, p.DstPort, p.Op = p.Dst, p.Src, p.DstPort, p.SrcPort, gs.RST
			r.send(p)
		}
	}
	open, sendable, stray := r.dev.Load()
	t.Errorf("%d connections, %d and %d packets left", open, sendable, stray)
}

// The host sends no more than a guest has room for, and a guest that lies about what
// it has taken gets nothing.
func TestGuestCredit(t *testing.T) {
	r := newRaw(t)
	c := r.connect()
	if _, err := c.Write(make([]byte, 8192)); err != nil {
		t.Fatal(err)
	}
	got := 0
	for got < 4096 {
		got += len(r.recv().Data)
	}
	if got != 4096 {
		t.Errorf("%d bytes, where the guest has room for 4096", got)
	}
	lie := packet(gs.CreditUpdate)
	lie.Fwd = 5000
	r.send(lie)
	time.Sleep(10 * time.Millisecond)
	if b := r.rx.Recv(); b != nil {
		t.Errorf("a packet of %d bytes for a liar", len(b))
	}
	lie.Fwd = 4096
	r.send(lie)
	if p := r.recv(); p.Op != gs.RW || len(p.Data)+got > 8192 {
		t.Errorf("%+v", p)
	}
	ask := packet(gs.CreditRequest)
	ask.Fwd = 4096
	r.send(ask)
	for p := r.recv(); p.Op != gs.CreditUpdate; p = r.recv() {
		continue
	}
}

// Buffers too small for a header are given back empty.
func TestSmallBuffers(t *testing.T) {
	r := newRaw(t)
	r.rx = r.d.NewPool(0, 4, gs.HeaderSize-1, true)
	r.send(packet(gs.RW))
	r.rx.Fill()
	soon(t, "an empty buffer", func() bool { b := r.rx.Recv(); return b != nil && len(b) == 0 })
}

// FuzzPackets is a guest that sends what it likes to a device with a listener and a
// connection.
func FuzzPackets(f *testing.F) {
	for op := range uint16(9) {
		p := packet(op)
		p.Data = []byte("data")
		f.Add(p.Encode(), uint8(200))
	}
	two := packet(gs.Request)
	ends := packet(gs.Shutdown)
	ends.Flags = 3
	f.Add(append(two.Encode(), ends.Encode()...), uint8(gs.HeaderSize))
	f.Fuzz(func(t *testing.T, script []byte, cut uint8) {
		dev, d := newDevice(t)
		d.Start(virtio.FeatureEventIdx)
		r := &raw{t: t, dev: dev, d: d, rx: d.NewPool(0, 8, int(cut), true), tx: d.NewPool(1, 4, 300, false)}
		l, err := dev.Listen(80)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for c, err := l.Accept(); err == nil; c, err = l.Accept() {
				go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
			}
		}()
		r.rx.Fill()
		for i := 0; len(script) > 0 && i < vsock.MaxStray/2; i++ {
			n := min(len(script), int(cut)+1)
			r.sendRaw(script[:n])
			script = script[n:]
			for r.rx.Recv() != nil {
				continue
			}
			r.rx.Fill()
		}
		if open, _, stray := dev.Load(); open > vsock.DefaultMaxConns || stray > vsock.MaxStray {
			t.Errorf("%d connections, %d packets", open, stray)
		}
	})
}

func BenchmarkHostToGuest(b *testing.B) {
	benchmark(b, func(host, guest net.Conn) (io.Writer, io.Reader) { return host, guest })
}

func BenchmarkGuestToHost(b *testing.B) {
	benchmark(b, func(host, guest net.Conn) (io.Writer, io.Reader) { return guest, host })
}

func benchmark(b *testing.B, way func(host, guest net.Conn) (io.Writer, io.Reader)) {
	dev, s := newPair(b)
	host, guest := dial(b, dev, s, 1)
	w, r := way(host, guest)
	p := make([]byte, 64<<10)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	go func() {
		for range b.N {
			if _, err := w.Write(p); err != nil {
				b.Error(err)
			}
		}
	}()
	buf := make([]byte, len(p))
	for range b.N {
		if _, err := io.ReadFull(r, buf); err != nil {
			b.Fatal(err)
		}
	}
}
