package device

import (
	"bytes"
	"context"
	"errors"
	"testing"
)

func newTestSerial(t testing.TB, c SerialConfig) (*Serial, guest) {
	t.Helper()
	s := NewSerial(c)
	t.Cleanup(func() { s.Close(); within(t, "end of the output goroutine", s.Done()) })
	return s, guest{s}
}

// The steps by which Linux's 8250 driver finds out what a port is.
func TestSerialIsA16550AToLinux(t *testing.T) {
	_, g := newTestSerial(t, SerialConfig{})

	ier := g.in(serialIER)
	g.out(serialIER, 0)
	wantHex(t, "IER after 0", g.in(serialIER)&0x0f, 0)
	g.out(serialIER, 0xff)
	wantHex(t, "IER after 0xff: no more than four bits", g.in(serialIER), 0x0f)
	g.out(serialIER, ier)

	mcr := g.in(serialMCR)
	g.out(serialMCR, serialMCRLoop|serialMCROut2|serialMCRRTS)
	wantHex(t, "MSR in loopback", g.in(serialMSR)&0xf0, serialMSRDCD|serialMSRCTS)
	g.out(serialMCR, mcr)

	g.out(serialLCR, 0xbf)
	g.out(serialFCR, 0) // would be the EFR of a 16650
	g.out(serialLCR, 0)
	g.out(serialFCR, serialFCREnable)
	wantHex(t, "IIR with FIFOs", g.in(serialIIR), serialIIRFIFO|serialIIRNone)

	g.out(serialLCR, 0x80)
	wantHex(t, "no 16650: register 2 under DLAB", g.in(serialIIR), serialIIRFIFO|serialIIRNone)
	g.out(serialLCR, 0xe0)
	if (g.in(2)^g.in(serialMCR))&serialMCRLoop != 0 {
		t.Error("looks like a National Semiconductor SuperIO")
	}
	g.out(serialLCR, 0)
	g.out(serialFCR, serialFCREnable|0x20)
	wantHex(t, "no 16750: IIR with a 64-byte FIFO asked for", g.in(serialIIR)&0xe0, 0xc0)
	g.out(serialIER, 0x40)
	wantHex(t, "no XScale: IER bit 6", g.in(serialIER), 0)

	for _, v := range []uint8{0x55, 0xaa} {
		g.out(serialSCR, v)
		wantHex(t, "scratch", g.in(serialSCR), v)
	}
}

func TestSerialWithoutFIFOsIsA16450(t *testing.T) {
	_, g := newTestSerial(t, SerialConfig{})
	wantHex(t, "IIR", g.in(serialIIR), serialIIRNone)
	g.out(serialFCR, serialFCRClearRX) // has no effect without the enable bit
	wantHex(t, "IIR", g.in(serialIIR), serialIIRNone)
}

// Linux counts the depth of the receive FIFO in loopback mode.
func TestSerialFIFODepthInLoopback(t *testing.T) {
	for _, c := range []struct {
		fcr   uint8
		depth int
	}{{serialFCREnable | 6, 16}, {0, 1}} {
		_, g := newTestSerial(t, SerialConfig{})
		g.out(serialFCR, c.fcr)
		g.out(serialMCR, serialMCRLoop)
		g.out(serialLCR, 0x80)
		g.out(serialData, 1)
		g.out(serialIER, 0)
		g.out(serialLCR, 3)
		for i := range 256 {
			g.out(serialData, uint8(i))
		}
		wantHex(t, "LSR", g.in(serialLSR), serialLSRReady|serialLSROverrun|serialLSRHolding|serialLSRIdle)
		wantHex(t, "LSR again", g.in(serialLSR)&serialLSROverrun, 0)
		n := 0
		first := -1
		for g.in(serialLSR)&serialLSRReady != 0 && n < 256 {
			if v := g.in(serialData); first < 0 {
				first = int(v)
			}
			n++
		}
		if n != c.depth {
			t.Errorf("FCR %#x: %d bytes came back, want %d", c.fcr, n, c.depth)
		}
		if want := map[int]int{16: 0, 1: 255}[c.depth]; first != want {
			t.Errorf("FCR %#x: the first byte is %d, want %d", c.fcr, first, want)
		}
	}
}

func TestSerialDivisorLatch(t *testing.T) {
	_, g := newTestSerial(t, SerialConfig{})
	g.out(serialIER, 5)
	g.out(serialLCR, 0x83)
	g.out(serialData, 0x34)
	g.out(serialIER, 0x12)
	wantHex(t, "DLL", g.in(serialData), 0x34)
	wantHex(t, "DLM", g.in(serialIER), 0x12)
	wantHex(t, "LCR", g.in(serialLCR), 0x83)
	g.out(serialLCR, 3)
	wantHex(t, "IER", g.in(serialIER), 5)
	wantHex(t, "RBR of an empty FIFO", g.in(serialData), 0)
}

// The two tests of the transmit interrupt that Linux makes when it opens a port:
// does it come at once when enabled (UART_BUG_TXEN), and again when enabled a
// second time (UART_BUG_THRE)?
func TestSerialTransmitInterruptTests(t *testing.T) {
	line := newTestLine()
	_, g := newTestSerial(t, SerialConfig{Line: line, Output: &bytes.Buffer{}})
	for range 2 {
		g.out(serialIER, serialIERTransmit)
		if !line.level() {
			t.Error("no interrupt with an idle transmitter")
		}
		wantHex(t, "LSR", g.in(serialLSR), serialLSRHolding|serialLSRIdle)
		wantHex(t, "IIR", g.in(serialIIR), serialIIRTransmit)
		if line.level() {
			t.Error("reading IIR did not end the transmit interrupt")
		}
		wantHex(t, "IIR again", g.in(serialIIR), serialIIRNone)
		g.out(serialIER, 0)
	}
	g.out(serialIER, serialIERTransmit)
	g.in(serialIIR)
	g.out(serialIER, serialIERTransmit) // no change of the bit, no interrupt
	wantHex(t, "IIR", g.in(serialIIR), serialIIRNone)
	g.out(serialData, 'x')
	wantHex(t, "IIR after a byte", g.in(serialIIR), serialIIRTransmit)
}

func TestSerialInterruptPriority(t *testing.T) {
	line := newTestLine()
	s, g := newTestSerial(t, SerialConfig{Line: line})
	g.out(serialFCR, serialFCREnable|0x40) // 4 bytes
	g.out(serialMCR, serialMCRDTR)
	g.in(serialMSR)
	g.out(serialIER, 0x0f)
	ctx := context.Background()
	if err := s.FeedBreak(ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Feed(ctx, []byte("abc")); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	g.out(serialMCR, serialMCRLoop) // every modem input drops
	const fifo = serialIIRFIFO
	wantHex(t, "IIR: line status", g.in(serialIIR), fifo|serialIIRLine)
	wantHex(t, "LSR: break", g.in(serialLSR), serialLSRReady|serialLSRBreak|serialLSRFIFOFlag|0x60)
	wantHex(t, "LSR: break seen", g.in(serialLSR), serialLSRReady|0x60)
	wantHex(t, "IIR: received", g.in(serialIIR), fifo|serialIIRReceive)
	wantHex(t, "RBR: break", g.in(serialData), 0)
	wantHex(t, "IIR: below the trigger", g.in(serialIIR), fifo|serialIIRTimeout)
	for _, b := range []byte("abc") {
		wantHex(t, "RBR", g.in(serialData), b)
	}
	wantHex(t, "IIR: transmit", g.in(serialIIR), fifo|serialIIRTransmit)
	if !line.level() {
		t.Error("the line is low with an interrupt pending")
	}
	wantHex(t, "IIR: modem", g.in(serialIIR), fifo|serialIIRModem)
	wantHex(t, "MSR: CTS, DSR and DCD changed", g.in(serialMSR), 0x0b)
	wantHex(t, "IIR: none", g.in(serialIIR), fifo|serialIIRNone)
	if line.level() {
		t.Error("the line is high with nothing pending")
	}
	wantHex(t, "MSR again", g.in(serialMSR), 0)
}

func TestSerialRingCountsWhenItEnds(t *testing.T) {
	_, g := newTestSerial(t, SerialConfig{})
	wantHex(t, "MSR of a connected terminal", g.in(serialMSR), serialMSRCTS|serialMSRDSR|serialMSRDCD)
	g.out(serialMCR, serialMCRLoop)
	g.in(serialMSR)
	g.out(serialMCR, serialMCRLoop|serialMCROut1)
	wantHex(t, "ring begins", g.in(serialMSR), serialMSRRing)
	g.out(serialMCR, serialMCRLoop)
	wantHex(t, "ring ends", g.in(serialMSR), serialMSRRingDelta)
}

func TestSerialTriggerLevels(t *testing.T) {
	for bits, level := range []int{1, 4, 8, 14} {
		s, g := newTestSerial(t, SerialConfig{})
		g.out(serialFCR, serialFCREnable|uint8(bits)<<6)
		g.out(serialIER, serialIERReceive)
		for n := 1; n <= 16; n++ {
			if s.TryFeed([]byte{1}) != 1 {
				t.Fatalf("byte %d was refused", n)
			}
			want := uint8(serialIIRFIFO | serialIIRTimeout)
			if n >= level {
				want = serialIIRFIFO | serialIIRReceive
			}
			wantHex(t, "IIR", g.in(serialIIR), want)
		}
		if s.TryFeed([]byte{1}) != 0 {
			t.Error("a 17th byte went in")
		}
	}
}

func TestSerialWideAccesses(t *testing.T) {
	s, g := newTestSerial(t, SerialConfig{})
	s.Write(serialLCR, []byte{0x03, 0x0b}) // a 16-bit write reaches LCR and MCR
	wantHex(t, "LCR", g.in(serialLCR), 0x03)
	wantHex(t, "MCR", g.in(serialMCR), 0x0b)
	p := make([]byte, 16)
	s.Read(0, p)
	for i, v := range p[8:] {
		wantHex(t, "register beyond the port", v, 0xff)
		s.Write(uint64(8+i), []byte{0})
	}
	s.Read(^uint64(0), p[:1])
}

func TestSerialReportsLineErrors(t *testing.T) {
	line := newTestLine()
	line.fail = errors.New("no such GSI")
	s, g := newTestSerial(t, SerialConfig{Line: line})
	g.out(serialIER, serialIERTransmit)
	if err := s.Err(); !errors.Is(err, line.fail) {
		t.Errorf("Err = %v", err)
	}
	line.fail = nil
	g.in(serialLCR)
	if !line.level() {
		t.Error("the level was not tried again")
	}
}

func TestSerialAccessAllocatesNothing(t *testing.T) {
	s, _ := newTestSerial(t, SerialConfig{Line: newTestLine(), Output: writerFunc(func(p []byte) (int, error) { return len(p), nil })})
	p := []byte{serialIERTransmit | serialIERReceive}
	in := []byte("in")
	s.Write(serialIER, p)
	n := testing.AllocsPerRun(1000, func() {
		p[0] = 'x'
		s.Write(serialData, p)
		s.Read(serialIIR, p)
		s.Read(serialLSR, p)
		s.TryFeed(in)
		s.Read(serialData, p)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func BenchmarkSerialReadLSR(b *testing.B) {
	s, _ := newTestSerial(b, SerialConfig{})
	p := make([]byte, 1)
	for b.Loop() {
		s.Read(serialLSR, p)
	}
}
