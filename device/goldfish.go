package device

import (
	"sync"
	"time"
)

// GoldfishRTCSize is the number of addresses that a GoldfishRTC takes.
const GoldfishRTCSize = 0x1000

// Registers of a Goldfish clock, by offset. Times are nanoseconds in two halves: the
// high half of a time that is read belongs to the low half that was read last, and
// writing a low half completes what is written.
const (
	goldfishTimeLow        = 0x00
	goldfishTimeHigh       = 0x04
	goldfishAlarmLow       = 0x08
	goldfishAlarmHigh      = 0x0c
	goldfishIRQEnabled     = 0x10
	goldfishClearAlarm     = 0x14
	goldfishAlarmStatus    = 0x18 // whether an alarm is set
	goldfishClearInterrupt = 0x1c
)

// goldfishLook is how often a waiting alarm looks at the clock at least: the host's
// time may be set meanwhile.
const goldfishLook = time.Hour

// GoldfishRTC is the real-time clock that RISC-V machines without hardware have: a
// Device of GoldfishRTCSize bytes, a counter of nanoseconds since 1970 with an alarm.
//
// Its time is the clock's, moved by what the guest sets; the host's time is never
// changed.
type GoldfishRTC struct {
	clock func() time.Time

	mu      sync.Mutex
	irq     pin
	offset  uint64 // the guest's time less the clock's
	read    uint64 // the time whose low half was read last
	high    uint32 // of a time that is being written
	alarm   uint64
	waiting bool // for the time of alarm
	enabled bool
	raised  bool
	wake    waker
	closed  bool
}

// NewGoldfishRTC makes a clock. clock is time.Now if nil; irq may be nil.
func NewGoldfishRTC(clock func() time.Time, irq Line) *GoldfishRTC {
	if clock == nil {
		clock = time.Now
	}
	return &GoldfishRTC{clock: clock, irq: pin{line: irq}}
}

// Read reads registers.
func (r *GoldfishRTC) Read(offset uint64, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle()
	readWords(offset, p, r.readRegister)
}

// Write writes registers.
func (r *GoldfishRTC) Write(offset uint64, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle()
	writeWords(offset, p, r.writeRegister)
	r.settle()
}

func (r *GoldfishRTC) readRegister(register uint64) uint32 {
	switch register {
	case goldfishTimeLow:
		r.read = r.now()
		return uint32(r.read)
	case goldfishTimeHigh:
		return uint32(r.read >> 32)
	case goldfishAlarmLow:
		return uint32(r.alarm)
	case goldfishAlarmHigh:
		return uint32(r.alarm >> 32)
	case goldfishIRQEnabled:
		return bit(r.enabled)
	case goldfishAlarmStatus:
		return bit(r.waiting)
	}
	return 0
}

func bit(set bool) uint32 {
	if set {
		return 1
	}
	return 0
}

func (r *GoldfishRTC) writeRegister(register uint64, v uint32) {
	switch register {
	case goldfishTimeHigh:
		r.high = v
	case goldfishTimeLow:
		r.offset += uint64(r.high)<<32 + uint64(v) - r.now()
	case goldfishAlarmHigh:
		r.alarm = uint64(v)<<32 | r.alarm&0xffffffff
	case goldfishAlarmLow:
		r.alarm = r.alarm&^0xffffffff | uint64(v)
		r.waiting = true
	case goldfishIRQEnabled:
		r.enabled = v&1 != 0
	case goldfishClearAlarm:
		r.waiting = false
	case goldfishClearInterrupt:
		r.raised = false
	}
}

// now is the guest's time.
func (r *GoldfishRTC) now() uint64 { return uint64(r.clock().UnixNano()) + r.offset }

// settle raises the alarm if its time has come, at once for one of the past, and
// otherwise sees to it that somebody looks again.
func (r *GoldfishRTC) settle() {
	now := r.now()
	if r.waiting && r.alarm <= now {
		r.waiting = false
		r.raised = true
	}
	r.irq.set(r.raised && r.enabled)
	if r.closed || !r.waiting || !r.enabled {
		r.wake.stop()
		return
	}
	r.wake.after(time.Duration(min(r.alarm-now, uint64(goldfishLook))), r.look)
}

// look settles when the time has come.
func (r *GoldfishRTC) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle()
}

// Err returns the first error of the line, or nil.
func (r *GoldfishRTC) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.irq.err
}

// Close ends the alarm; registers can still be used. The result is Err.
func (r *GoldfishRTC) Close() error {
	r.mu.Lock()
	r.closed = true
	r.wake.stop()
	r.mu.Unlock()
	return r.Err()
}
