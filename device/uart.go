package device

import (
	"context"
	"sync"
)

// uart is the host's side of a serial port, whatever its registers are.
type uart struct {
	mu     sync.Mutex
	irq    pin
	closed chan struct{}
	stats  SerialStats
	rx     serialInput
	tx     serialOutput
	chip   chip
}

// chip is the guest's side: registers and FIFOs. Its methods are called with the
// lock held.
type chip interface {
	// load takes received bytes, as far as they fit, and returns how many. flags
	// are bits of a 16550's line status.
	load(p []byte, flags uint8) int
	// drained is told that there is room for output again.
	drained()
}

// connect connects the port and, with an Output, starts the goroutine that serves
// it.
func (s *uart) connect(c SerialConfig, chip chip) {
	s.irq = pin{line: c.Line}
	s.closed = make(chan struct{})
	s.rx = newSerialInput()
	s.tx = newSerialOutput(c.Output, c.OutputBuffer)
	s.chip = chip
	if s.tx.writer != nil {
		go s.serveOutput()
	} else {
		close(s.tx.done)
	}
}

// SerialStats counts bytes since a serial port was made.
type SerialStats struct {
	Sent      uint64 // accepted from the guest
	Lost      uint64 // sent by the guest with the buffer full or after Output failed, and dropped
	Received  uint64 // put into the receive FIFO
	Discarded uint64 // removed from the receive FIFO by the guest's reset of it
}

// Stats returns the counters.
func (s *uart) Stats() SerialStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Err returns the first error of Output, or else of Line, or nil. After an error
// of Output, what the guest sends is dropped and the guest is not held up.
func (s *uart) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tx.err != nil {
		return s.tx.err
	}
	return s.irq.err
}

// Flush waits until Output has taken everything that the guest sent before the
// call, and returns Err; or ctx's error if that ends first.
func (s *uart) Flush(ctx context.Context) error {
	s.mu.Lock()
	wait := s.tx.waitFlushed()
	s.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-s.tx.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.Err()
}

// Close ends the port's connections: feeders get ErrClosed, and what the guest
// sends from now on is dropped. Output's goroutine writes what already waits,
// and ends. Close does not wait for it, since a terminal may block for ever:
// call Flush first, or wait for Done. Output stays the caller's to close, after
// Done. A second Close does nothing more. The result is Err.
func (s *uart) Close() error {
	s.mu.Lock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	s.mu.Unlock()
	return s.Err()
}

// Done returns a channel that is closed once the port will not touch Output any
// more.
func (s *uart) Done() <-chan struct{} { return s.tx.done }

func (s *uart) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}
