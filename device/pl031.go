package device

import (
	"sync"
	"time"
)

// PL031Size is the number of addresses that a PL031 takes.
const PL031Size = primeCellSize

// Registers of a PL031, by offset.
const (
	pl031DR   = 0x00 // the time, in seconds
	pl031MR   = 0x04 // the alarm
	pl031LR   = 0x08 // sets the time
	pl031CR   = 0x0c // the clock runs, once and for all
	pl031IMSC = 0x10
	pl031RIS  = 0x14
	pl031MIS  = 0x18
	pl031ICR  = 0x1c
)

const pl031Part = "\x31\x10\x04\x00"

// pl031Look is how often a waiting alarm looks at the clock at least: the host's
// time may be set meanwhile.
const pl031Look = time.Hour

// PL031 is Arm's real-time clock, a Device of PL031Size bytes: a counter of seconds
// since 1970 with an alarm.
//
// Its time is the clock's, moved by what the guest sets; the host's time is never
// changed.
type PL031 struct {
	clock func() time.Time

	mu      sync.Mutex
	irq     pin
	offset  uint32 // the guest's time less the clock's
	match   uint32
	waiting bool // for the time of match
	load    uint32
	enabled uint32 // IMSC
	raised  uint32 // RIS
	wake    waker
	closed  bool
}

// NewPL031 makes a clock. clock is time.Now if nil; irq may be nil.
func NewPL031(clock func() time.Time, irq Line) *PL031 {
	if clock == nil {
		clock = time.Now
	}
	return &PL031{clock: clock, irq: pin{line: irq}}
}

// Read reads registers.
func (r *PL031) Read(offset uint64, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle()
	readWords(offset, p, r.readRegister)
}

// Write writes registers.
func (r *PL031) Write(offset uint64, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle()
	writeWords(offset, p, r.writeRegister)
	r.settle()
}

func (r *PL031) readRegister(register uint64) uint32 {
	switch register {
	case pl031DR:
		return r.now()
	case pl031MR:
		return r.match
	case pl031LR:
		return r.load
	case pl031CR:
		return 1
	case pl031IMSC:
		return r.enabled
	case pl031RIS:
		return r.raised
	case pl031MIS:
		return r.raised & r.enabled
	}
	return identify(pl031Part, register)
}

func (r *PL031) writeRegister(register uint64, v uint32) {
	switch register {
	case pl031MR:
		r.match = v
		// The counter is compared for equality: a time that is over never comes.
		r.waiting = int32(v-r.now()) >= 0
	case pl031LR:
		r.load = v
		r.offset += v - r.now()
		r.waiting = r.waiting && int32(r.match-v) >= 0
	case pl031IMSC:
		r.enabled = v & 1
	case pl031ICR:
		r.raised &^= v
	}
}

// now is the guest's time.
func (r *PL031) now() uint32 { return uint32(r.clock().Unix()) + r.offset }

// settle raises the alarm if its time has come, and otherwise sees to it that
// somebody looks again.
func (r *PL031) settle() {
	left := int32(r.match - r.now())
	if r.waiting && left <= 0 {
		r.waiting = false
		r.raised = 1
	}
	r.irq.set(r.raised&r.enabled != 0)
	switch {
	case r.closed || !r.waiting || r.enabled == 0:
		r.wake.stop()
	default:
		r.wake.after(min(time.Duration(left)*time.Second, pl031Look), r.look)
	}
}

// look settles when the time has come.
func (r *PL031) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle()
}

// Err returns the first error of the line, or nil.
func (r *PL031) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.irq.err
}

// Close ends the alarm; registers can still be used. The result is Err.
func (r *PL031) Close() error {
	r.mu.Lock()
	r.closed = true
	r.wake.stop()
	r.mu.Unlock()
	return r.Err()
}
