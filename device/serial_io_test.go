package device

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// gate is a writer that keeps what it gets, and can be held shut.
type gate struct {
	mu     sync.Mutex
	got    []byte
	writes int
	open   chan struct{} // closed: writes pass
}

func newGate(open bool) *gate {
	g := &gate{open: make(chan struct{})}
	if open {
		close(g.open)
	}
	return g
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	g.got = append(g.got, p...)
	g.writes++
	return len(p), nil
}

func (g *gate) bytes() []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return bytes.Clone(g.got)
}

func pattern(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 + i>>8)
	}
	return p
}

func TestSerialOutputReachesTheWriter(t *testing.T) {
	out := newGate(true)
	s, g := newTestSerial(t, SerialConfig{Output: out})
	for _, b := range []byte("hello\n") {
		g.out(serialData, b)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := string(out.bytes()); got != "hello\n" {
		t.Errorf("got %q", got)
	}
	if st := s.Stats(); st.Sent != 6 || st.Lost != 0 {
		t.Errorf("%+v", st)
	}
}

// A guest on a slow machine sends a byte each 100 us: the writer must not be
// called for each, and not keep anything back for long either.
func TestSerialOutputIsBatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newGate(true)
		s := NewSerial(SerialConfig{Output: out})
		for range 1000 {
			guest{s}.out(serialData, 'x')
			time.Sleep(100 * time.Microsecond)
		}
		time.Sleep(2 * serialGather)
		if n := len(out.bytes()); n != 1000 {
			t.Errorf("%d of 1000 bytes were written", n)
		}
		if out.writes > 110 {
			t.Errorf("%d writes of 1000 bytes in 100 ms", out.writes)
		}
		s.Close()
		<-s.Done()
	})
}

// A writer that blocks makes the transmitter busy, without loss for a driver
// that looks, and an interrupt comes when it is free again.
func TestSerialBackPressure(t *testing.T) {
	out := newGate(false)
	line := newTestLine()
	s, g := newTestSerial(t, SerialConfig{Line: line, Output: out, OutputBuffer: 64})
	sent := 0
	idle := 0
	for deadline := time.Now().Add(20 * time.Second); idle < 3; {
		if g.in(serialLSR)&serialLSRHolding == 0 { // wait for the goroutine to have taken a batch
			idle++
			time.Sleep(20 * time.Millisecond)
			continue
		}
		for range serialFIFODepth {
			g.out(serialData, byte(sent))
			sent++
		}
		if time.Now().After(deadline) {
			t.Fatal("the transmitter never became busy")
		}
	}
	if sent < 64 || sent > 2*64 {
		t.Errorf("%d bytes were accepted with buffers of 2 x 64", sent)
	}
	g.out(serialIER, serialIERTransmit)
	if line.level() {
		t.Error("a transmit interrupt with a full buffer")
	}
	close(out.open)
	within(t, "transmit interrupt", line.rise)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, b := range out.bytes() {
		if b != byte(i) {
			t.Fatalf("byte %d is %d", i, b)
		}
	}
	if st := s.Stats(); st.Lost != 0 || int(st.Sent) != sent || len(out.bytes()) != sent {
		t.Errorf("%+v, sent %d, written %d", st, sent, len(out.bytes()))
	}
}

// A guest that does not look loses bytes, but never stands still, and what does
// come out is in order.
func TestSerialOverrunOfTheOutput(t *testing.T) {
	out := newGate(false)
	s, g := newTestSerial(t, SerialConfig{Output: out, OutputBuffer: 64})
	for range 10000 {
		g.out(serialData, 'x')
	}
	if st := s.Stats(); st.Sent+st.Lost != 10000 || st.Sent > 128 {
		t.Errorf("%+v", st)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Flush of a blocked writer = %v", err)
	}
	close(out.open)
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(out.bytes()); uint64(n) != s.Stats().Sent {
		t.Errorf("%d bytes written, %+v", n, s.Stats())
	}
}

func TestSerialOutputError(t *testing.T) {
	broken := errors.New("broken pipe")
	s, g := newTestSerial(t, SerialConfig{OutputBuffer: 64, Output: writerFunc(func([]byte) (int, error) { return 0, broken })})
	g.out(serialData, 'x')
	if err := s.Flush(t.Context()); !errors.Is(err, broken) {
		t.Errorf("Flush = %v", err)
	}
	for range 1000 {
		g.out(serialData, 'x')
		wantHex(t, "LSR: the guest is not held up", g.in(serialLSR), serialLSRHolding|serialLSRIdle)
	}
	if err := s.Close(); !errors.Is(err, broken) {
		t.Errorf("Close = %v", err)
	}
}

func TestSerialCloseWritesWhatWaits(t *testing.T) {
	out := newGate(true)
	s, g := newTestSerial(t, SerialConfig{Output: out})
	g.out(serialData, 'x')
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	g.out(serialData, 'y')
	within(t, "Done", s.Done())
	if got := string(out.bytes()); got != "x" {
		t.Errorf("got %q", got)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if n, err := s.Feed(t.Context(), []byte("z")); n != 0 || !errors.Is(err, ErrClosed) {
		t.Errorf("Feed = %d, %v", n, err)
	}
	if n := s.TryFeed([]byte("z")); n != 0 {
		t.Errorf("TryFeed = %d", n)
	}
	s.Close()
}

// Input that comes before the driver is up is there when it is, whatever the
// driver's probing does to the FIFO.
func TestSerialInputWaitsForTheDriver(t *testing.T) {
	for _, polled := range []bool{false, true} {
		s, _ := newTestSerial(t, SerialConfig{PolledInput: polled})
		early := s.TryFeed([]byte("early"))
		if want := map[bool]int{false: 0, true: 1}[polled]; early != want {
			t.Errorf("polled %v: %d bytes went in, want %d", polled, early, want)
		}
	}

	s, g := newTestSerial(t, SerialConfig{})
	g.out(serialFCR, serialFCREnable)
	g.out(serialIER, 0x0f) // the probe for an interrupt enable register
	if n := s.TryFeed([]byte("abc")); n != 3 {
		t.Fatalf("%d bytes went in", n)
	}
	g.out(serialIER, 0)
	g.out(serialFCR, serialFCREnable|6)
	g.out(serialFCR, 0)
	wantHex(t, "LSR after the FIFOs were cleared", g.in(serialLSR)&serialLSRReady, 0)
	g.out(serialFCR, serialFCREnable)
	g.out(serialIER, serialIERReceive)
	if n := s.TryFeed([]byte("def")); n != 3 {
		t.Fatalf("%d bytes went in", n)
	}
	for _, b := range []byte("abcdef") {
		wantHex(t, "RBR", g.in(serialData), b)
	}
	s.TryFeed([]byte("gone"))
	g.out(serialFCR, serialFCREnable|serialFCRClearRX)
	wantHex(t, "LSR after a listening guest cleared the FIFO", g.in(serialLSR)&serialLSRReady, 0)
	if st := s.Stats(); st.Discarded != 4 || st.Received != 10 {
		t.Errorf("%+v", st)
	}
}

func TestSerialHeldInputWithoutFIFOs(t *testing.T) {
	s, g := newTestSerial(t, SerialConfig{})
	g.out(serialFCR, serialFCREnable)
	g.out(serialIER, serialIERReceive)
	s.TryFeed([]byte("abc"))
	g.out(serialIER, 0)
	g.out(serialFCR, 0)
	g.out(serialIER, serialIERReceive)
	if n := s.TryFeed([]byte("d")); n != 0 {
		t.Error("a byte overtook held ones")
	}
	for _, b := range []byte("abc") {
		wantHex(t, "LSR", g.in(serialLSR)&serialLSRReady, serialLSRReady)
		wantHex(t, "RBR", g.in(serialData), b)
	}
	wantHex(t, "LSR", g.in(serialLSR)&serialLSRReady, 0)
}

func TestSerialLoopbackCutsTheInputOff(t *testing.T) {
	s, g := newTestSerial(t, SerialConfig{})
	g.out(serialIER, serialIERReceive)
	g.out(serialMCR, serialMCRLoop)
	fed := make(chan error, 1)
	go func() {
		_, err := s.Feed(t.Context(), []byte("a"))
		fed <- err
	}()
	time.Sleep(10 * time.Millisecond)
	wantHex(t, "LSR", g.in(serialLSR)&serialLSRReady, 0)
	g.out(serialMCR, 0)
	if err := <-fed; err != nil {
		t.Fatal(err)
	}
	wantHex(t, "RBR", g.in(serialData), 'a')
}

func TestSerialFeedStopsWithItsContext(t *testing.T) {
	s, g := newTestSerial(t, SerialConfig{})
	g.out(serialFCR, serialFCREnable)
	g.out(serialIER, serialIERReceive)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	n, err := s.Feed(ctx, make([]byte, 40))
	if n != 16 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Feed = %d, %v", n, err)
	}
	for range 16 {
		g.in(serialData)
	}
	if n, err = s.Feed(t.Context(), []byte("x")); n != 1 || err != nil {
		t.Errorf("Feed after a cancelled one = %d, %v", n, err)
	}
}

// driver is an interrupt-driven guest: it sends and receives in its handler,
// which runs when the line rises, as with an edge-triggered interrupt.
type driver struct {
	guest
	tx   []byte
	got  []byte
	want int
}

func (d *driver) run(t *testing.T, line *testLine) {
	d.out(serialFCR, serialFCREnable|0x80)
	d.out(serialIER, serialIERReceive|serialIERLine|serialIERTransmit)
	for len(d.tx) > 0 || len(d.got) < d.want {
		within(t, "interrupt", line.rise)
		for d.in(serialIIR)&serialIIRNone == 0 {
			d.handle()
		}
	}
}

func (d *driver) handle() {
	lsr := d.in(serialLSR)
	for ; lsr&serialLSRReady != 0; lsr = d.in(serialLSR) {
		d.got = append(d.got, d.in(serialData))
	}
	if lsr&serialLSRHolding == 0 {
		return
	}
	n := min(len(d.tx), serialFIFODepth)
	for _, b := range d.tx[:n] {
		d.out(serialData, b)
	}
	if d.tx = d.tx[n:]; len(d.tx) == 0 {
		d.out(serialIER, serialIERReceive|serialIERLine)
	}
}

// Both directions at full speed through a slow writer: no byte lost, none twice,
// no interrupt missed.
func TestSerialInterruptDriven(t *testing.T) {
	const size = 40000
	line := newTestLine()
	out := newGate(true)
	slow := writerFunc(func(p []byte) (int, error) { time.Sleep(200 * time.Microsecond); return out.Write(p) })
	s, g := newTestSerial(t, SerialConfig{Line: line, Output: slow, OutputBuffer: 256})
	data := pattern(size)
	pumped := make(chan error, 1)
	go func() { pumped <- s.PumpInput(t.Context(), bytes.NewReader(data)) }()
	d := &driver{guest: g, tx: data, want: size}
	d.run(t, line)
	if err := <-pumped; err != nil {
		t.Error(err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(d.got, data) {
		t.Errorf("the guest received %d bytes, not the %d sent", len(d.got), size)
	}
	if !bytes.Equal(out.bytes(), data) {
		t.Errorf("the writer got %d bytes, not the %d sent", len(out.bytes()), size)
	}
	if st := s.Stats(); st != (SerialStats{Sent: size, Received: size}) {
		t.Errorf("%+v", st)
	}
}

// Several feeders at once: each call's bytes stay together.
func TestSerialFeedersTakeTurns(t *testing.T) {
	line := newTestLine()
	s, g := newTestSerial(t, SerialConfig{Line: line})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 50 {
				if _, err := s.Feed(t.Context(), bytes.Repeat([]byte{byte('a' + i)}, 20)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	d := &driver{guest: g, want: 4 * 50 * 20}
	d.run(t, line)
	wg.Wait()
	for c := range slices.Chunk(d.got, 20) {
		if !bytes.Equal(c, bytes.Repeat(c[:1], 20)) {
			t.Fatalf("mixed: %q", c)
		}
	}
}

func TestSerialPumpStops(t *testing.T) {
	t.Run("context", func(t *testing.T) {
		s, _ := newTestSerial(t, SerialConfig{})
		host, far := net.Pipe()
		defer far.Close()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.PumpInput(ctx, host) }()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("PumpInput = %v", err)
		}
		go func() { _, _ = far.Write([]byte("x")) }()
		if _, err := io.ReadFull(host, make([]byte, 1)); err != nil {
			t.Errorf("the reader is not usable any more: %v", err)
		}
	})
	t.Run("close", func(t *testing.T) {
		s, _ := newTestSerial(t, SerialConfig{})
		host, far := net.Pipe()
		defer far.Close()
		ended := make(chan error, 1)
		go func() { ended <- s.PumpInput(t.Context(), host) }()
		s.Close()
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("PumpInput = %v", err)
		}
	})
	t.Run("while the guest does not listen", func(t *testing.T) {
		s, _ := newTestSerial(t, SerialConfig{})
		ended := make(chan error, 1)
		go func() { ended <- s.PumpInput(t.Context(), bytes.NewReader([]byte("x"))) }()
		time.Sleep(5 * time.Millisecond)
		s.Close()
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Errorf("PumpInput = %v", err)
		}
	})
	t.Run("read error", func(t *testing.T) {
		s, _ := newTestSerial(t, SerialConfig{})
		bad := errors.New("bad")
		if err := s.PumpInput(t.Context(), io.MultiReader(errReader{bad})); !errors.Is(err, bad) {
			t.Errorf("PumpInput = %v", err)
		}
	})
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// Several vCPUs, two feeders and the writer at once, without any agreement among
// them: nothing blocks, and the line tells the truth in the end.
func TestSerialConcurrentUse(t *testing.T) {
	line := newTestLine()
	s, g := newTestSerial(t, SerialConfig{Line: line, Output: newGate(true), OutputBuffer: 64})
	ctx, cancel := context.WithCancel(t.Context())
	var feeders, vcpus sync.WaitGroup
	for range 2 {
		feeders.Go(func() {
			for ctx.Err() == nil {
				_, _ = s.Feed(ctx, []byte("some input"))
				_ = s.FeedBreak(ctx)
				s.TryFeed([]byte("x"))
			}
		})
	}
	for i := range 4 {
		vcpus.Go(func() {
			for j := range 3000 {
				g.out(uint64(i+j)%SerialSize, uint8(i*j>>2))
				g.in(uint64(j) % SerialSize)
				if j%100 == 0 {
					_ = s.Flush(ctx)
				}
			}
		})
	}
	vcpus.Wait()
	cancel()
	feeders.Wait()
	g.out(serialLCR, 0)
	g.out(serialIER, 0)
	if line.level() {
		t.Error("the line is high with all interrupts disabled")
	}
	if s.Err() != nil {
		t.Error(s.Err())
	}
}
