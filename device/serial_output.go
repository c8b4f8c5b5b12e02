package device

import (
	"io"
	"time"
)

const (
	serialOutputDefault = 8192
	serialOutputLeast   = 64
	// serialGather is how long output may wait for more of it before it is
	// written. A guest's bytes come one by one: writing each would cost a system
	// call and waking a thread a byte, and a reader does not notice a millisecond.
	serialGather = time.Millisecond
)

// serialOutput is the host's side of the transmit path: one buffer that fills
// while the other is written. The Serial's lock guards it, except for spare,
// which belongs to the goroutine that writes.
type serialOutput struct {
	writer  io.Writer
	pending []byte
	spare   []byte
	limit   int
	err     error // Output failed: drop everything

	accepted uint64 // bytes ever put into pending
	written  uint64 // of these, how many Output took or were dropped
	flushes  []serialFlush

	wake   chan struct{} // there is something to do
	urgent chan struct{} // and no time to gather more
	done   chan struct{} // the goroutine has ended
}

// serialFlush is someone who waits until so many bytes are written.
type serialFlush struct {
	target uint64
	done   chan struct{}
}

func newSerialOutput(w io.Writer, limit int) serialOutput {
	if limit == 0 {
		limit = serialOutputDefault
	}
	o := serialOutput{
		writer: w,
		limit:  max(limit, serialOutputLeast),
		wake:   make(chan struct{}, 1),
		urgent: make(chan struct{}, 1),
		done:   make(chan struct{}),
	}
	if w != nil {
		o.pending = make([]byte, 0, o.limit)
		o.spare = make([]byte, 0, o.limit)
	}
	return o
}

// ready says whether a whole FIFO of bytes may be sent: a driver that sees the
// transmitter empty sends that many without looking again.
func (o *serialOutput) ready() bool { return len(o.pending) <= o.limit-serialFIFODepth }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// transmit is the guest's write of the transmit holding register. The lock is
// held.
func (s *Serial) transmit(b byte) {
	r := &s.regs
	if r.mcr&serialMCRLoop != 0 {
		s.loop(b)
	} else {
		s.send(b)
	}
	// The byte is gone from the FIFO at once; with room for more of them the
	// transmitter reports that it is empty, as it does after every byte.
	r.txEvent = s.tx.ready()
}

// drained makes the transmit interrupt.
func (s *Serial) drained() {
	s.regs.txEvent = true
	s.settle()
}

// loop receives what the guest sends itself.
func (s *Serial) loop(b byte) {
	r := &s.regs
	if r.rx.n < r.capacity() {
		r.rx.push(b, serialLooped)
		return
	}
	r.overrun = true
	if !r.fifoOn() { // without FIFOs the new byte replaces the old one
		r.rx = serialFIFO{}
		r.rx.push(b, serialLooped)
	}
}

// send puts a byte into the output buffer.
func (s *uart) send(b byte) {
	o := &s.tx
	if o.writer == nil {
		s.stats.Sent++
		return
	}
	if o.err != nil || len(o.pending) == o.limit || s.isClosed() {
		s.stats.Lost++
		return
	}
	s.stats.Sent++
	o.accepted++
	o.pending = append(o.pending, b)
	switch len(o.pending) {
	case 1:
		signal(o.wake)
	case o.limit / 2:
		signal(o.urgent)
	}
}

// waitFlushed returns a channel that is closed when all bytes accepted so far
// are written, or nil when they are. The lock is held.
func (o *serialOutput) waitFlushed() <-chan struct{} {
	if o.written == o.accepted {
		return nil
	}
	f := serialFlush{o.accepted, make(chan struct{})}
	o.flushes = append(o.flushes, f)
	signal(o.urgent)
	return f.done
}

// serveOutput is the goroutine that writes to Output.
func (s *uart) serveOutput() {
	defer close(s.tx.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for s.gather(timer) {
		batch := s.takeOutput()
		_, err := s.tx.writer.Write(batch)
		s.finishOutput(batch, err)
	}
}

// gather waits until there is output, then a little for more of it. It returns
// false when there is none and will be none.
func (s *uart) gather(timer *time.Timer) bool {
	for !s.hasOutput() {
		select {
		case <-s.tx.wake:
		case <-s.closed:
			return s.hasOutput()
		}
	}
	timer.Reset(serialGather)
	select {
	case <-timer.C:
	case <-s.tx.urgent:
	case <-s.closed:
	}
	return true
}

func (s *uart) hasOutput() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tx.pending) > 0
}

// takeOutput exchanges the two buffers, which may make the transmitter ready.
func (s *uart) takeOutput() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &s.tx
	batch := o.pending
	wasReady := o.ready()
	o.pending = o.spare[:0]
	if !wasReady {
		s.chip.drained()
	}
	return batch
}

// finishOutput accounts for a batch that was written or failed.
func (s *uart) finishOutput(batch []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &s.tx
	o.spare = batch
	o.written += uint64(len(batch))
	if err != nil && o.err == nil {
		o.err = err
		s.dropOutput()
	}
	kept := o.flushes[:0]
	for _, f := range o.flushes {
		if f.target <= o.written {
			close(f.done)
		} else {
			kept = append(kept, f)
		}
	}
	o.flushes = kept
}

// dropOutput discards what waits after Output has failed. The lock is held.
func (s *uart) dropOutput() {
	o := &s.tx
	wasReady := o.ready()
	s.stats.Lost += uint64(len(o.pending))
	s.stats.Sent -= uint64(len(o.pending))
	o.written += uint64(len(o.pending))
	o.pending = o.pending[:0]
	if !wasReady {
		s.chip.drained()
	}
}
