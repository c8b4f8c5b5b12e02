package device

import (
	"context"
	"io"
	"time"
)

// serialInput is the host's side of the receive path.
type serialInput struct {
	turn    chan struct{} // holds one token: whose bytes go in next
	room    chan struct{} // told that there is room, when someone waits
	waiting bool
}

func newSerialInput() serialInput {
	in := serialInput{turn: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	in.turn <- struct{}{}
	return in
}

// wake tells a waiting feeder to look for room. The lock is held.
func (in *serialInput) wake() {
	if in.waiting {
		in.waiting = false
		signal(in.room) // or the feeder was told already and looks again anyway
	}
}

// TryFeed puts as many bytes of p as there is room for into the receive FIFO,
// without waiting, and returns how many; 0 while a Feed of someone else waits,
// and after Close.
func (s *uart) TryFeed(p []byte) int {
	select {
	case <-s.rx.turn:
		defer func() { s.rx.turn <- struct{}{} }()
	default:
		return 0
	}
	if s.isClosed() {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chip.load(p, 0)
}

// Feed puts all of p into the receive FIFO, waiting for the guest to make room.
// It returns how many bytes went in, which is fewer than all only with an error:
// ctx's, or ErrClosed. The bytes of one call stay together.
func (s *uart) Feed(ctx context.Context, p []byte) (int, error) {
	return s.feed(ctx, p, 0)
}

// FeedBreak sends the guest a break, in its place among the bytes fed, waiting
// for room as Feed does. Linux takes a break and a letter for a SysRq command.
func (s *uart) FeedBreak(ctx context.Context) error {
	_, err := s.feed(ctx, []byte{0}, serialLSRBreak)
	return err
}

// PumpInput feeds the guest what it reads from r, until r ends (the result is
// nil then, also at io.EOF), fails, ctx ends or the port is closed. It reads
// only as fast as the guest takes. Run it in a goroutine of its own.
//
// A blocked Read cannot be interrupted unless r has SetReadDeadline and supports
// it, as sockets, pipes and terminals opened for polling do: PumpInput then sets
// a deadline in the past when ctx ends, and none before it returns. Otherwise it
// returns after the Read does. Bytes it has read and not yet fed when ctx ends,
// at most a few hundred, are dropped.
func (s *uart) PumpInput(ctx context.Context, r io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	defer interruptReads(ctx, r)()
	buf := make([]byte, 256)
	for {
		n, err := r.Read(buf)
		if _, ferr := s.Feed(ctx, buf[:n]); ferr != nil {
			return s.pumpEnd(ferr)
		}
		if ctx.Err() != nil {
			return s.pumpEnd(ctx.Err())
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *uart) pumpEnd(err error) error {
	if s.isClosed() {
		return ErrClosed
	}
	return err
}

// interruptReads makes blocked reads of r return when ctx ends, if r can. The
// function it returns undoes that.
func interruptReads(ctx context.Context, r io.Reader) (undo func()) {
	d, ok := r.(interface{ SetReadDeadline(time.Time) error })
	if !ok {
		return func() {}
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = d.SetReadDeadline(time.Unix(1, 0)) // a reader without deadlines is merely not interrupted
	})
	return func() {
		if !stop() {
			<-done
		}
		_ = d.SetReadDeadline(time.Time{})
	}
}

func (s *uart) feed(ctx context.Context, p []byte, flags uint8) (int, error) {
	select {
	case <-s.rx.turn:
		defer func() { s.rx.turn <- struct{}{} }()
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-s.closed:
		return 0, ErrClosed
	}
	done := 0
	for {
		if s.isClosed() {
			return done, ErrClosed
		}
		s.mu.Lock()
		done += s.chip.load(p[done:], flags)
		s.rx.waiting = done < len(p)
		s.mu.Unlock()
		if done == len(p) {
			return done, nil
		}
		select {
		case <-s.rx.room:
		case <-ctx.Done():
			return done, ctx.Err()
		case <-s.closed:
			return done, ErrClosed
		}
	}
}

// listening says whether bytes from outside reach the FIFO: not in loopback
// mode, where the input is cut off, and not while the guest would not look.
func (s *Serial) listening() bool {
	r := &s.regs
	return r.mcr&serialMCRLoop == 0 && (s.polled || r.ier&serialIERReceive != 0)
}

// load puts bytes into the FIFO as far as they fit. The lock is held.
func (s *Serial) load(p []byte, flags uint8) int {
	r := &s.regs
	n := 0
	for n < len(p) && s.listening() && r.held.n == 0 && r.rx.n < r.capacity() {
		r.rx.push(p[n], flags)
		n++
	}
	s.stats.Received += uint64(n)
	if n > 0 {
		s.settle()
	}
	return n
}

// refill gives the guest the bytes again that were taken back. The lock is held.
func (s *Serial) refill() {
	r := &s.regs
	for r.held.n > 0 && s.listening() && r.rx.n < r.capacity() {
		r.rx.push(r.held.pop())
	}
}

// wakeFeeder tells a waiting feeder that the FIFO is empty and bytes may come.
// Waiting until it is empty saves waking it for every byte. The lock is held.
func (s *Serial) wakeFeeder() {
	if s.regs.rx.n == 0 && s.listening() {
		s.rx.wake()
	}
}

// receive is the guest's read of the receive buffer. The lock is held.
func (s *Serial) receive() uint8 {
	if s.regs.rx.n == 0 {
		return 0
	}
	b, _ := s.regs.rx.pop()
	return b
}
