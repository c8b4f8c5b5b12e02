package device

import (
	"context"
	"strings"
	"testing"
	"time"
)

// pl011 returns a port set up as Linux does: FIFOs on, receive interrupts enabled.
func pl011(t *testing.T, c SerialConfig) (*PL011, guest32) {
	t.Helper()
	s := NewPL011(c)
	t.Cleanup(func() { _ = s.Close() })
	g := guest32{s}
	g.out(pl011LCRH, pl011FIFOs|0x60)
	g.out(pl011IFLS, 2<<3|2)
	g.out(pl011CR, 0x301)
	g.out(pl011IMSC, pl011IntRX|pl011IntTimeout)
	return s, g
}

func TestPL011Transmits(t *testing.T) {
	out := newGate(true)
	s, g := pl011(t, SerialConfig{Output: out})
	for _, b := range []byte("hello") {
		if g.in(pl011FR)&pl011TXFull != 0 {
			t.Fatal("the FIFO is full")
		}
		g.out(pl011DR, uint32(b))
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := string(out.bytes()); got != "hello" {
		t.Errorf("%q came out", got)
	}
}

func TestPL011TakesBytesOfAnyWidth(t *testing.T) {
	out := newGate(true)
	s, _ := pl011(t, SerialConfig{Output: out})
	s.Write(pl011DR, []byte{'a'})
	s.Write(pl011DR, []byte{'b', 0})
	s.Write(pl011DR, []byte{'c', 0, 0, 0})
	if err := s.Flush(t.Context()); err != nil || string(out.bytes()) != "abc" {
		t.Errorf("%q, %v", out.bytes(), err)
	}
}

func TestPL011TransmitInterrupt(t *testing.T) {
	line := newTestLine()
	_, g := pl011(t, SerialConfig{Line: line, Output: newGate(true)})
	g.out(pl011IMSC, pl011IntTX)
	if line.level() {
		t.Error("an interrupt before anything was sent")
	}
	g.out(pl011DR, 'x')
	want32(t, "MIS", g.in(pl011MIS), pl011IntTX)
	if !line.level() {
		t.Error("no interrupt for the empty FIFO")
	}
	g.out(pl011ICR, pl011IntTX)
	if line.level() || g.in(pl011RIS) != 0 {
		t.Error("the interrupt was not cleared")
	}
}

// TestPL011HoldsTheGuestUp: the FIFO shows full while Output is stuck, and the
// interrupt comes when it is not any more.
func TestPL011HoldsTheGuestUp(t *testing.T) {
	line, out := newTestLine(), newGate(false)
	s, g := pl011(t, SerialConfig{Line: line, Output: out, OutputBuffer: 64})
	g.out(pl011IMSC, pl011IntTX)
	sent := 0
	for deadline := time.Now().Add(10 * time.Second); g.in(pl011FR)&pl011TXFull == 0; sent++ {
		if time.Now().After(deadline) {
			t.Fatal("the FIFO never fills")
		}
		g.out(pl011DR, 'x')
	}
	want32(t, "FR's busy", g.in(pl011FR)&(pl011Busy|pl011TXEmpty), pl011Busy)
	g.out(pl011ICR, pl011IntTX)
	select {
	case <-line.rise: // of the bytes before
	default:
	}
	close(out.open)
	within(t, "transmit interrupt", line.rise)
	if err := s.Flush(t.Context()); err != nil || len(out.bytes()) != sent {
		t.Errorf("%d of %d bytes came out, %v", len(out.bytes()), sent, err)
	}
}

func TestPL011Receives(t *testing.T) {
	line := newTestLine()
	s, g := pl011(t, SerialConfig{Line: line})
	if n := s.TryFeed([]byte("abc")); n != 3 || !line.level() {
		t.Fatalf("%d bytes went in, line %v", n, line.level())
	}
	want32(t, "MIS below the trigger", g.in(pl011MIS), pl011IntTimeout)
	if n := s.TryFeed([]byte(strings.Repeat("x", 40))); n != 13 {
		t.Errorf("%d bytes went into a FIFO with room for 13", n)
	}
	want32(t, "MIS above the trigger", g.in(pl011MIS), pl011IntRX)
	want32(t, "FR", g.in(pl011FR)&(pl011RXFull|pl011RXEmpty), pl011RXFull)
	for i, b := range "abcxxxxxxxxxxxxx" {
		want32(t, "byte "+string(rune('0'+i)), g.in(pl011DR), uint32(b))
	}
	want32(t, "FR", g.in(pl011FR)&(pl011RXFull|pl011RXEmpty), pl011RXEmpty)
	if line.level() || g.in(pl011DR) != 0 {
		t.Error("an interrupt for an empty FIFO")
	}
}

func TestPL011WaitsForAListener(t *testing.T) {
	s := NewPL011(SerialConfig{})
	defer s.Close()
	g := guest32{s}
	if n := s.TryFeed([]byte("early")); n != 0 {
		t.Errorf("%d bytes went to a guest that does not listen", n)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if n, err := s.Feed(context.Background(), []byte("early")); n != 5 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
	}()
	for waiting := false; !waiting; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		waiting = s.rx.waiting
		s.mu.Unlock()
	}
	g.out(pl011LCRH, pl011FIFOs)
	g.out(pl011IMSC, pl011IntRX)
	within(t, "Feed", done)
	for _, b := range "early" {
		want32(t, "byte", g.in(pl011DR), uint32(b))
	}
}

func TestPL011Break(t *testing.T) {
	s, g := pl011(t, SerialConfig{})
	if err := s.FeedBreak(t.Context()); err != nil {
		t.Fatal(err)
	}
	want32(t, "RIS", g.in(pl011RIS), pl011IntTimeout|pl011IntBreak)
	want32(t, "DR", g.in(pl011DR), pl011Break|pl011Framing)
	want32(t, "RSR", g.in(pl011RSR), (pl011Break|pl011Framing)>>8)
	g.out(pl011RSR, 0)
	g.out(pl011ICR, pl011IntBreak)
	want32(t, "both cleared", g.in(pl011RSR)|g.in(pl011RIS), 0)
}

func TestPL011Loop(t *testing.T) {
	out := newGate(true)
	s, g := pl011(t, SerialConfig{Output: out})
	g.out(pl011CR, 0x301|pl011Loop)
	for i := range uint32(17) {
		g.out(pl011DR, 'a'+i)
	}
	want32(t, "RIS's overrun", g.in(pl011RIS)&pl011IntOverrun, pl011IntOverrun)
	want32(t, "DR", g.in(pl011DR), pl011Overrun|'a')
	want32(t, "DR", g.in(pl011DR), 'b')
	if n := s.TryFeed([]byte("x")); n != 0 {
		t.Error("input while the port is looped")
	}
	if err := s.Flush(t.Context()); err != nil || len(out.bytes()) != 0 {
		t.Errorf("%q came out, %v", out.bytes(), err)
	}
}

func TestPL011KeepsItsSettings(t *testing.T) {
	_, g := pl011(t, SerialConfig{})
	for register, mask := range map[uint64]uint32{
		pl011ILPR: 0xff, pl011IBRD: 0xffff, pl011FBRD: 0x3f, pl011LCRH: 0xff, pl011CR: 0xff87,
		pl011IFLS: 0x3f, pl011IMSC: 0x7ff, pl011DMACR: 7,
	} {
		g.out(register, 0xffffffff)
		want32(t, "register", g.in(register), mask)
	}
	want32(t, "an unknown register", g.in(0x100), 0)
}

func TestPL011FIFOSwitch(t *testing.T) {
	s, g := pl011(t, SerialConfig{})
	s.TryFeed([]byte("abc"))
	g.out(pl011LCRH, 0)
	want32(t, "FR", g.in(pl011FR)&pl011RXEmpty, pl011RXEmpty)
	if n := s.TryFeed([]byte("abc")); n != 1 {
		t.Errorf("%d bytes without a FIFO", n)
	}
	want32(t, "MIS", g.in(pl011MIS), pl011IntRX)
	if st := s.Stats(); st.Discarded != 3 || st.Received != 4 {
		t.Errorf("%+v", st)
	}
}

func FuzzPL011(f *testing.F) {
	f.Add([]byte{9, 0x2c, 0x10, 9, 0x38, 0x70, 3, 0, 9, 8, 0, 0, 9, 0, 'x'}, false)
	f.Add([]byte{9, 0x30, 0x80, 9, 0, 1, 8, 0, 0, 9, 0x44, 0xff}, true)
	f.Fuzz(func(t *testing.T, in []byte, polled bool) {
		line := newTestLine()
		out := newGate(true)
		s := NewPL011(SerialConfig{Line: line, Output: out, OutputBuffer: 64, PolledInput: polled})
		traffic(s, in, func(op, v byte) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel() // do not wait
			switch op >> 6 {
			case 0:
				s.TryFeed(make([]byte, v))
			case 1:
				_ = s.FeedBreak(ctx)
			default:
				_, _ = s.Feed(ctx, make([]byte, v))
			}
		})
		s.mu.Lock()
		if pending := s.pending()&s.regs.imsc != 0; pending != line.level() {
			t.Errorf("interrupt pending %v, line %v", pending, line.level())
		}
		if s.fifo.n > serialFIFODepth || len(s.tx.pending) > 64 {
			t.Errorf("too much: %+v, %d to send", s.fifo, len(s.tx.pending))
		}
		s.mu.Unlock()
		if err := s.Flush(context.Background()); err != nil {
			t.Error(err)
		}
		s.Close()
		within(t, "Done", s.Done())
	})
}
