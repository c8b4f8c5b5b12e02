package device

import "io"

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
	uart

	regs   serialRegs
	polled bool
}

// NewSerial makes a serial port and, with an Output, starts the goroutine that
// serves it. Close ends that goroutine.
func NewSerial(c SerialConfig) *Serial {
	s := &Serial{polled: c.PolledInput}
	s.regs.divisor = 12 // 9600 baud
	s.connect(c, s)
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
