package device

// Registers of a 16550A, by offset. The first two give way to the divisor latch
// while serialLCRDLAB is set.
const (
	serialData = 0 // receive buffer, transmit holding; divisor low byte
	serialIER  = 1 // interrupt enable; divisor high byte
	serialIIR  = 2 // read: interrupt identification
	serialFCR  = 2 // write: FIFO control
	serialLCR  = 3 // line control
	serialMCR  = 4 // modem control
	serialLSR  = 5 // line status
	serialMSR  = 6 // modem status
	serialSCR  = 7 // scratch

	// SerialSize is the number of addresses that a Serial takes.
	SerialSize = 8
)

const (
	serialIERReceive  = 0x01
	serialIERTransmit = 0x02
	serialIERLine     = 0x04
	serialIERModem    = 0x08
	serialIERMask     = 0x0f // the upper bits of a 16550A read as zero: drivers probe for better chips there

	serialIIRNone     = 0x01
	serialIIRModem    = 0x00
	serialIIRTransmit = 0x02
	serialIIRReceive  = 0x04
	serialIIRLine     = 0x06
	serialIIRTimeout  = 0x0c
	serialIIRFIFO     = 0xc0 // both bits: a 16550A with its FIFOs on

	serialFCREnable  = 0x01
	serialFCRClearRX = 0x02
	serialFCRTrigger = 0xc0

	serialLCRDLAB = 0x80

	serialMCRDTR  = 0x01
	serialMCRRTS  = 0x02
	serialMCROut1 = 0x04
	serialMCROut2 = 0x08
	serialMCRLoop = 0x10
	serialMCRMask = 0x1f

	serialLSRReady    = 0x01
	serialLSROverrun  = 0x02
	serialLSRBreak    = 0x10
	serialLSRErrors   = 0x1e // overrun, parity, framing, break
	serialLSRHolding  = 0x20 // transmit holding register (or FIFO) empty
	serialLSRIdle     = 0x40 // transmitter empty
	serialLSRFIFOFlag = 0x80 // an error somewhere in the receive FIFO

	serialMSRRingDelta = 0x04 // set when the ring indicator goes away
	serialMSRCTS       = 0x10
	serialMSRDSR       = 0x20
	serialMSRRing      = 0x40
	serialMSRDCD       = 0x80
)

// serialFIFODepth is the number of bytes in each FIFO.
const serialFIFODepth = 16

// serialRegs is what a guest can see or set of the port, without the host's
// side. It has no pointers, so that a copy is a snapshot.
type serialRegs struct {
	ier, fcr, lcr, mcr, scr uint8
	divisor                 uint16
	msrDelta                uint8 // low half of MSR, cleared by a read
	overrun                 bool
	txEvent                 bool // a transmit interrupt is due
	rx                      serialFIFO
	held                    serialFIFO // received, but taken back from a guest that did not listen
}

// serialFIFO is a ring of received bytes.
type serialFIFO struct {
	data  [serialFIFODepth]byte
	flags [serialFIFODepth]uint8 // LSR bits of the byte, and serialLooped
	head  uint8
	n     uint8
}

// serialLooped marks a byte that the guest sent itself in loopback mode. The bit
// is LSR's "ready", which never belongs to a byte.
const serialLooped = 0x01

func (f *serialFIFO) push(b byte, flags uint8) {
	i := (f.head + f.n) % serialFIFODepth
	f.data[i], f.flags[i] = b, flags
	f.n++
}

func (f *serialFIFO) pop() (b byte, flags uint8) {
	b, flags = f.data[f.head], f.flags[f.head]
	f.head = (f.head + 1) % serialFIFODepth
	f.n--
	return b, flags
}

// errors returns the LSR error bits of all bytes together.
func (f *serialFIFO) errors() uint8 {
	var all uint8
	for i := range f.n {
		all |= f.flags[(f.head+i)%serialFIFODepth]
	}
	return all & serialLSRErrors
}

func (r *serialRegs) fifoOn() bool { return r.fcr&serialFCREnable != 0 }

// capacity is how many received bytes there is room for: without FIFOs one.
func (r *serialRegs) capacity() uint8 {
	if r.fifoOn() {
		return serialFIFODepth
	}
	return 1
}

// trigger is the number of received bytes that makes a receive interrupt;
// fewer make a timeout interrupt instead.
func (r *serialRegs) trigger() uint8 {
	if !r.fifoOn() {
		return 1
	}
	return [4]uint8{1, 4, 8, 14}[r.fcr&serialFCRTrigger>>6]
}

// lsr is the receive half of the line status.
func (r *serialRegs) lsr() uint8 {
	var v uint8
	if r.overrun {
		v |= serialLSROverrun
	}
	if r.rx.n == 0 {
		return v
	}
	v |= serialLSRReady | r.rx.flags[r.rx.head]&serialLSRErrors
	if r.fifoOn() && r.rx.errors() != 0 {
		v |= serialLSRFIFOFlag
	}
	return v
}

// iir returns the pending interrupt of the highest priority.
func (r *serialRegs) iir() uint8 {
	switch {
	case r.ier&serialIERLine != 0 && r.lsr()&serialLSRErrors != 0:
		return serialIIRLine
	case r.ier&serialIERReceive != 0 && r.rx.n >= r.trigger():
		return serialIIRReceive
	case r.ier&serialIERReceive != 0 && r.rx.n > 0:
		// The real timeout is four character times of silence. Everything that
		// the host has to give was put into the FIFO at once: the silence is over.
		return serialIIRTimeout
	case r.ier&serialIERTransmit != 0 && r.txEvent:
		return serialIIRTransmit
	case r.ier&serialIERModem != 0 && r.msrDelta != 0:
		return serialIIRModem
	}
	return serialIIRNone
}

// modemInputs is the upper half of MSR: a terminal that is always there, or
// the port's own outputs in loopback mode.
func (r *serialRegs) modemInputs() uint8 {
	if r.mcr&serialMCRLoop == 0 {
		return serialMSRCTS | serialMSRDSR | serialMSRDCD
	}
	var v uint8
	for _, pair := range [4][2]uint8{
		{serialMCRRTS, serialMSRCTS},
		{serialMCRDTR, serialMSRDSR},
		{serialMCROut1, serialMSRRing},
		{serialMCROut2, serialMSRDCD},
	} {
		if r.mcr&pair[0] != 0 {
			v |= pair[1]
		}
	}
	return v
}

func (r *serialRegs) setMCR(v uint8) {
	before := r.modemInputs()
	r.mcr = v & serialMCRMask
	after := r.modemInputs()
	delta := (before ^ after) >> 4
	if after&serialMSRRing != 0 {
		delta &^= serialMSRRingDelta // only the end of ringing counts
	}
	r.msrDelta |= delta
}

// setFCR sets the FIFO control register. polled says that the guest listens even
// without the receive interrupt.
func (r *serialRegs) setFCR(v uint8, polled bool) (discarded uint8) {
	toggled := (v^r.fcr)&serialFCREnable != 0
	clearRX := toggled || v&serialFCREnable != 0 && v&serialFCRClearRX != 0
	r.fcr = v & (serialFCREnable | serialFCRTrigger)
	if v&serialFCREnable == 0 {
		r.fcr = 0
	}
	if !clearRX {
		return 0
	}
	r.overrun = false
	if polled || r.ier&serialIERReceive != 0 {
		discarded = r.rx.n
	} else {
		r.takeBack()
	}
	r.rx = serialFIFO{}
	return discarded
}

// takeBack moves received bytes out of the FIFO, for when the guest listens.
// The bytes in both came out of one FIFO at one time, so both fit into one.
func (r *serialRegs) takeBack() {
	later := r.held
	r.held = serialFIFO{}
	for _, f := range []*serialFIFO{&r.rx, &later} {
		for f.n > 0 {
			if b, flags := f.pop(); flags&serialLooped == 0 && r.held.n < serialFIFODepth {
				r.held.push(b, flags)
			}
		}
	}
}
