package device

import (
	"context"
	"testing"
)

// traffic reads ops from in and performs them: each is a byte that says what,
// an offset and a value; some devices take further actions from other.
func traffic(d Device, in []byte, other func(op, v byte)) {
	var p [16]byte
	for len(in) >= 3 {
		op, offset, v := in[0], uint64(in[1]), in[2]
		in = in[3:]
		if offset >= 0xf0 {
			offset = -uint64(v) // far outside
		}
		for i := range p {
			p[i] = v + byte(i)
		}
		n := []int{1, 2, 4, 8, 1, 1, 0, 16}[op>>2&7]
		switch op & 3 {
		case 0:
			d.Read(offset%256, p[:n])
		case 1, 2:
			d.Write(offset%256, p[:n])
		default:
			other(op, v)
		}
	}
}

func FuzzSerial(f *testing.F) {
	f.Add([]byte{1, 1, 0x0f, 3, 0, 9, 1, 2, 1, 1, 0, 'x', 0, 2, 0, 0, 0, 0}, false)
	f.Add([]byte{1, 2, 1, 1, 1, 1, 3, 0, 40, 1, 1, 0, 1, 2, 6, 1, 4, 16, 1, 0, 7}, true)
	f.Fuzz(func(t *testing.T, in []byte, polled bool) {
		line := newTestLine()
		out := newGate(true)
		s := NewSerial(SerialConfig{Line: line, Output: out, OutputBuffer: 64, PolledInput: polled})
		traffic(s, in, func(op, v byte) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel() // do not wait
			switch op >> 6 {
			case 0:
				s.TryFeed(make([]byte, v))
			case 1:
				_ = s.FeedBreak(ctx)
			case 2:
				_, _ = s.Feed(ctx, make([]byte, v))
			case 3:
				_ = s.Flush(ctx)
			}
		})
		s.mu.Lock()
		if pending := s.regs.iir() != serialIIRNone; pending != line.level() {
			t.Errorf("interrupt pending %v, line %v", pending, line.level())
		}
		if s.regs.rx.n > s.regs.capacity() || s.regs.held.n > serialFIFODepth || len(s.tx.pending) > 64 {
			t.Errorf("too much: %+v, %d to send", s.regs, len(s.tx.pending))
		}
		s.mu.Unlock()
		if err := s.Flush(context.Background()); err != nil {
			t.Error(err)
		}
		if st := s.Stats(); st.Sent < uint64(len(out.bytes())) {
			t.Errorf("%d bytes written, %+v", len(out.bytes()), st)
		}
		s.Close()
		within(t, "Done", s.Done())
	})
}

// A listening guest gets every byte, whatever else it does that does not reset
// the FIFO; checked against a plain queue.
func FuzzSerialInputOrder(f *testing.F) {
	f.Add([]byte{3, 3, 1, 2, 0, 0, 3})
	f.Fuzz(func(t *testing.T, in []byte) {
		s := NewSerial(SerialConfig{})
		defer s.Close()
		g := guest{s}
		g.out(serialFCR, serialFCREnable)
		var next, want byte
		for _, op := range in {
			switch op & 7 {
			case 0:
				g.out(serialIER, op>>3)
			case 1: // resets of the FIFO by a guest that does not listen
				g.out(serialIER, 0)
				g.out(serialFCR, op>>3&1|serialFCRClearRX)
			case 2, 3:
				p := make([]byte, op>>3)
				for i := range p {
					p[i] = next + byte(i)
				}
				next += byte(s.TryFeed(p))
			default:
				for g.in(serialLSR)&serialLSRReady != 0 {
					if got := g.in(serialData); got != want {
						t.Fatalf("byte %d, want %d", got, want)
					}
					want++
				}
			}
		}
		g.out(serialIER, serialIERReceive)
		for g.in(serialLSR)&serialLSRReady != 0 {
			if got := g.in(serialData); got != want {
				t.Fatalf("byte %d, want %d", got, want)
			}
			want++
		}
		if want != next {
			t.Errorf("%d bytes went in, %d came out", next, want)
		}
	})
}
