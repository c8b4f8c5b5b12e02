package device

import (
	"context"
	"io"
	"sync"
)

// SerialConfig says what a Serial is connected to. Every field may be left out.
type SerialConfig struct {
	// Line is the port's interrupt: high while an interrupt that the guest
	// enabled is pending. MCR's OUT2 bit does not gate it.
	Line Line
	// Output takes what the guest sends. One goroutine of the port writes to
	// it, in batches. Nil discards.
	Output io.Writer
	// OutputBuffer is how many bytes may wait for Output before the guest is
	// told to wait, at least 64; 0 means 8192. As much again is kept for the
	// batch that is being written.
	OutputBuffer int
	// PolledInput puts input into the receive FIFO at any time, as real
	// hardware does, for a guest that polls for it. Without it input waits
	// until the guest has enabled the receive interrupt, so that nothing typed
	// before its driver is up gets lost, and a guest that never enables it gets
	// no input.
	PolledInput bool
}

// Serial is an NS16550A serial port, a Device of SerialSize byte-wide registers.
// Baud rate and character format are stored and have no effect.
//
// Output: a byte counts as sent once it stands in the output buffer. While that
// has no room for a whole FIFO, LSR's "transmitter empty" bits are clear and no
// transmit interrupt comes, which is how the guest learns to wait; the vCPU
// thread is never held up. What a guest sends in spite of that is lost once the
// buffer is full, as in a real FIFO, and counted in SerialStats.
//
// Input: Feed waits for room in the FIFO, so that no byte is lost. The guest's
// own resetting of the receive FIFO discards what stands in it only if it
// listens (see PolledInput); otherwise these bytes come again later.
type Serial struct {
	mu     sync.Mutex
	regs   serialRegs
	irq    pin
	polled bool
	closed chan struct{}
	stats  SerialStats
	rx     serialInput
	tx     serialOutput
}

// SerialStats counts bytes since a Serial was made.
type SerialStats struct {
	Sent      uint64 // accepted from the guest
	Lost      uint64 // sent by the guest with the buffer full or after Output failed, and dropped
	Received  uint64 // put into the receive FIFO
	Discarded uint64 // removed from the receive FIFO by the guest's reset of it
}

// NewSerial makes a serial port and, with an Output, starts the goroutine that
// serves it. Close ends that goroutine.
func NewSerial(c SerialConfig) *Serial {
	s := &Serial{
		irq:    pin{line: c.Line},
		polled: c.PolledInput,
		closed: make(chan struct{}),
		rx:     newSerialInput(),
		tx:     newSerialOutput(c.Output, c.OutputBuffer),
	}
	s.regs.divisor = 12 // 9600 baud
	if s.tx.writer != nil {
		go s.serveOutput()
	} else {
		close(s.tx.done)
	}
	return s
}

// Read reads the registers from offset on, one byte each. Offsets outside the
// port read as 0xff.
func (s *Serial) Read(offset uint64, p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range p {
		p[i] = s.readRegister(offset + uint64(i))
	}
	s.settle()
}

// Write writes the registers from offset on, one byte each. Offsets outside the
// port are ignored.
func (s *Serial) Write(offset uint64, p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, v := range p {
		s.writeRegister(offset+uint64(i), v)
	}
	s.settle()
}

// Stats returns the counters.
func (s *Serial) Stats() SerialStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Err returns the first error of Output, or else of Line, or nil. After an error
// of Output, what the guest sends is dropped and the guest is not held up.
func (s *Serial) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tx.err != nil {
		return s.tx.err
	}
	return s.irq.err
}

// Flush waits until Output has taken everything that the guest sent before the
// call, and returns Err; or ctx's error if that ends first.
func (s *Serial) Flush(ctx context.Context) error {
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
func (s *Serial) Close() error {
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
func (s *Serial) Done() <-chan struct{} { return s.tx.done }

func (s *Serial) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// settle brings everything that follows from the registers up to date.
// The lock is held.
func (s *Serial) settle() {
	s.refill()
	s.irq.set(s.regs.iir() != serialIIRNone)
	s.wakeFeeder()
}

func (s *Serial) readRegister(offset uint64) uint8 {
	r := &s.regs
	switch offset {
	case serialData:
		if r.lcr&serialLCRDLAB != 0 {
			return uint8(r.divisor)
		}
		return s.receive()
	case serialIER:
		if r.lcr&serialLCRDLAB != 0 {
			return uint8(r.divisor >> 8)
		}
		return r.ier
	case serialIIR:
		return s.readIIR()
	case serialLCR:
		return r.lcr
	case serialMCR:
		return r.mcr
	case serialLSR:
		return s.readLSR()
	case serialMSR:
		v := r.modemInputs() | r.msrDelta
		r.msrDelta = 0
		return v
	case serialSCR:
		return r.scr
	}
	return 0xff
}

func (s *Serial) writeRegister(offset uint64, v uint8) {
	r := &s.regs
	switch offset {
	case serialData:
		if r.lcr&serialLCRDLAB != 0 {
			r.divisor = r.divisor&0xff00 | uint16(v)
			return
		}
		s.transmit(v)
	case serialIER:
		if r.lcr&serialLCRDLAB != 0 {
			r.divisor = r.divisor&0x00ff | uint16(v)<<8
			return
		}
		s.writeIER(v)
	case serialFCR:
		s.stats.Discarded += uint64(r.setFCR(v, s.polled))
	case serialLCR:
		r.lcr = v
	case serialMCR:
		r.setMCR(v)
	case serialSCR:
		r.scr = v
	}
}

// writeIER sets the interrupt enable register. Enabling the transmit interrupt
// with an idle transmitter makes one at once: drivers start sending that way.
func (s *Serial) writeIER(v uint8) {
	enabled := v &^ s.regs.ier
	s.regs.ier = v & serialIERMask
	if enabled&serialIERTransmit != 0 && s.tx.ready() {
		s.regs.txEvent = true
	}
}

// readIIR names the pending interrupt; for a transmit interrupt that is also
// what ends it.
func (s *Serial) readIIR() uint8 {
	v := s.regs.iir()
	if v == serialIIRTransmit {
		s.regs.txEvent = false
	}
	if s.regs.fifoOn() {
		v |= serialIIRFIFO
	}
	return v
}

func (s *Serial) readLSR() uint8 {
	r := &s.regs
	v := r.lsr()
	r.overrun = false
	if r.rx.n > 0 {
		r.rx.flags[r.rx.head] &^= serialLSRErrors
	}
	if s.tx.ready() {
		v |= serialLSRHolding | serialLSRIdle
	}
	return v
}
