package device

// PL011Size is the number of addresses that a PL011 takes.
const PL011Size = primeCellSize

// Registers of a PL011, by offset.
const (
	pl011DR    = 0x00 // data
	pl011RSR   = 0x04 // receive status; a write clears it
	pl011FR    = 0x18 // flags
	pl011ILPR  = 0x20
	pl011IBRD  = 0x24
	pl011FBRD  = 0x28
	pl011LCRH  = 0x2c // line control
	pl011CR    = 0x30 // control
	pl011IFLS  = 0x34 // FIFO levels that interrupt
	pl011IMSC  = 0x38 // which interrupts are enabled
	pl011RIS   = 0x3c // which are pending
	pl011MIS   = 0x40 // both
	pl011ICR   = 0x44 // clear
	pl011DMACR = 0x48
)

const (
	pl011Overrun = 1 << 11 // DR
	pl011Break   = 1 << 10
	pl011Framing = 1 << 8

	pl011CTS     = 1 << 0 // FR
	pl011DSR     = 1 << 1
	pl011DCD     = 1 << 2
	pl011Busy    = 1 << 3
	pl011RXEmpty = 1 << 4
	pl011TXFull  = 1 << 5
	pl011RXFull  = 1 << 6
	pl011TXEmpty = 1 << 7

	pl011FIFOs = 1 << 4 // LCRH

	pl011Loop    = 1 << 7 // CR
	pl011CRReset = 0x300  // both directions on, the whole off

	pl011IntRX      = 1 << 4 // IMSC, RIS, MIS, ICR
	pl011IntTX      = 1 << 5
	pl011IntTimeout = 1 << 6
	pl011IntBreak   = 1 << 9
	pl011IntOverrun = 1 << 10
	pl011IntAll     = 0x7ff
)

// pl011Part identifies a PL011 with FIFOs of 16 bytes.
const pl011Part = "\x11\x10\x14\x00"

// PL011 is Arm's serial port, a Device of PL011Size bytes with registers of 32
// bits. Baud rate and character format are stored and have no effect, nor does
// switching the port off.
//
// Output and input are as a [Serial]'s: a byte counts as sent once it stands in the
// output buffer, and while that has no room for a whole FIFO the port shows a full
// FIFO. Input waits until the guest has enabled the receive interrupt, unless
// PolledInput says that it polls.
type PL011 struct {
	uart

	polled bool
	regs   pl011Regs
	fifo   serialFIFO
}

// pl011Regs is what a guest can set.
type pl011Regs struct {
	status           uint32 // RSR: errors of the last byte read
	ilpr, ibrd, fbrd uint32
	lcrh, cr, ifls   uint32
	imsc, dmacr      uint32
	latched          uint32 // interrupts that last until they are cleared
	overrun          bool
}

// NewPL011 makes a serial port and, with an Output, starts the goroutine that
// serves it. Close ends that goroutine.
func NewPL011(c SerialConfig) *PL011 {
	s := &PL011{polled: c.PolledInput}
	s.regs.cr, s.regs.ifls = pl011CRReset, 0x12
	s.connect(c, s)
	return s
}

// Read reads registers.
func (s *PL011) Read(offset uint64, p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	readWords(offset, p, s.readRegister)
	s.settle()
}

// Write writes registers.
func (s *PL011) Write(offset uint64, p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	writeWords(offset, p, s.writeRegister)
	s.settle()
}

func (s *PL011) readRegister(register uint64) uint32 {
	r := &s.regs
	switch register {
	case pl011DR:
		return s.receive()
	case pl011RSR:
		return r.status
	case pl011FR:
		return s.flags()
	case pl011ILPR:
		return r.ilpr
	case pl011IBRD:
		return r.ibrd
	case pl011FBRD:
		return r.fbrd
	case pl011LCRH:
		return r.lcrh
	case pl011CR:
		return r.cr
	case pl011IFLS:
		return r.ifls
	case pl011IMSC:
		return r.imsc
	case pl011RIS:
		return s.pending()
	case pl011MIS:
		return s.pending() & r.imsc
	case pl011DMACR:
		return r.dmacr
	}
	return identify(pl011Part, register)
}

func (s *PL011) writeRegister(register uint64, v uint32) {
	r := &s.regs
	switch register {
	case pl011DR:
		s.transmit(byte(v))
	case pl011RSR:
		r.status = 0
	case pl011ILPR:
		r.ilpr = v & 0xff
	case pl011IBRD:
		r.ibrd = v & 0xffff
	case pl011FBRD:
		r.fbrd = v & 0x3f
	case pl011LCRH:
		s.setLineControl(v & 0xff)
	case pl011CR:
		r.cr = v & 0xff87
	case pl011IFLS:
		r.ifls = v & 0x3f
	case pl011IMSC:
		r.imsc = v & pl011IntAll
	case pl011ICR:
		r.latched &^= v
	case pl011DMACR:
		r.dmacr = v & 7
	}
}

// setLineControl empties the FIFO when it is switched on or off. What was in it is
// lost: input comes to a guest that listens only, and that knows what it does.
func (s *PL011) setLineControl(v uint32) {
	if (v^s.regs.lcrh)&pl011FIFOs != 0 {
		s.stats.Discarded += uint64(s.fifo.n)
		s.fifo = serialFIFO{}
	}
	s.regs.lcrh = v
}

// flags is the FR register: a terminal that is always there.
func (s *PL011) flags() uint32 {
	v := uint32(pl011CTS | pl011DSR | pl011DCD)
	if s.fifo.n == 0 {
		v |= pl011RXEmpty
	}
	if s.fifo.n >= s.capacity() {
		v |= pl011RXFull
	}
	if s.tx.ready() {
		v |= pl011TXEmpty
	} else {
		v |= pl011TXFull | pl011Busy
	}
	return v
}

// capacity is how many received bytes there is room for.
func (s *PL011) capacity() uint8 {
	if s.regs.lcrh&pl011FIFOs != 0 {
		return serialFIFODepth
	}
	return 1
}

// trigger is the number of received bytes that makes a receive interrupt; fewer
// make a timeout interrupt instead.
func (s *PL011) trigger() uint8 {
	if s.regs.lcrh&pl011FIFOs == 0 {
		return 1
	}
	return [8]uint8{2, 4, 8, 12, 14, 14, 14, 14}[s.regs.ifls>>3&7]
}

// pending is the RIS register. The receive interrupts follow the FIFO; the timeout,
// of 32 bits of silence, has always passed, since all that the host has to give was
// put into the FIFO at once.
func (s *PL011) pending() uint32 {
	v := s.regs.latched
	switch n := s.fifo.n; {
	case n >= s.trigger():
		v |= pl011IntRX
	case n > 0:
		v |= pl011IntTimeout
	}
	return v
}

// settle brings everything that follows from the registers up to date.
func (s *PL011) settle() {
	s.irq.set(s.pending()&s.regs.imsc != 0)
	if s.fifo.n == 0 && s.listening() {
		s.rx.wake()
	}
}

// listening says whether bytes from outside reach the FIFO.
func (s *PL011) listening() bool {
	return s.regs.cr&pl011Loop == 0 && (s.polled || s.regs.imsc&(pl011IntRX|pl011IntTimeout) != 0)
}

// transmit is the guest's write of the data register.
func (s *PL011) transmit(b byte) {
	if s.regs.cr&pl011Loop != 0 {
		s.loop(b)
	} else {
		s.send(b)
	}
	// The byte is gone from the FIFO at once, which with room for more is what the
	// interrupt tells.
	if s.tx.ready() {
		s.regs.latched |= pl011IntTX
	} else {
		s.regs.latched &^= pl011IntTX
	}
}

// loop receives what the guest sends itself.
func (s *PL011) loop(b byte) {
	if s.fifo.n < s.capacity() {
		s.fifo.push(b, 0)
		return
	}
	s.regs.overrun = true
	s.regs.latched |= pl011IntOverrun
}

// drained implements chip.
func (s *PL011) drained() {
	s.regs.latched |= pl011IntTX
	s.settle()
}

// load implements chip.
func (s *PL011) load(p []byte, flags uint8) int {
	n := 0
	for n < len(p) && s.listening() && s.fifo.n < s.capacity() {
		s.fifo.push(p[n], flags)
		n++
	}
	s.stats.Received += uint64(n)
	if n > 0 {
		if flags&serialLSRBreak != 0 {
			s.regs.latched |= pl011IntBreak
		}
		s.settle()
	}
	return n
}

// receive is the guest's read of the data register: a byte and its errors.
func (s *PL011) receive() uint32 {
	if s.fifo.n == 0 {
		return 0
	}
	b, flags := s.fifo.pop()
	v := uint32(b)
	if flags&serialLSRBreak != 0 {
		v |= pl011Break | pl011Framing
	}
	if s.regs.overrun {
		v |= pl011Overrun
		s.regs.overrun = false
	}
	s.regs.status = v >> 8
	return v
}
