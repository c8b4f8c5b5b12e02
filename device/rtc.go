package device

import (
	"sync"
	"time"
)

// Registers of the MC146818, and the century byte that PCs add to them.
const (
	rtcSeconds      = 0x00
	rtcSecondsAlarm = 0x01
	rtcMinutes      = 0x02
	rtcMinutesAlarm = 0x03
	rtcHours        = 0x04
	rtcHoursAlarm   = 0x05
	rtcWeekday      = 0x06
	rtcDay          = 0x07
	rtcMonth        = 0x08
	rtcYear         = 0x09
	rtcA            = 0x0a
	rtcB            = 0x0b
	rtcC            = 0x0c
	rtcD            = 0x0d

	// RTCCenturyRegister is the index of the century byte, for the FADT's
	// CENTURY field.
	RTCCenturyRegister = 0x32
	// RTCSize is the number of addresses that an RTC takes.
	RTCSize = 2
)

const (
	rtcUpdating     = 0x80 // A: an update comes within 244 us
	rtcDivider      = 0x70 // A: which divider; 0x60 and 0x70 hold it in reset
	rtcDividerReset = 0x60
	rtcADefault     = 0x26 // 32768 Hz, 1024 Hz periodic

	rtcSet      = 0x80 // B: the time stands still, to be set
	rtcBinary   = 0x04 // B: binary, not BCD
	rtc24Hours  = 0x02 // B
	rtcAlarm    = 0x20 // B: enabled; C: happened
	rtcUpdate   = 0x10 // B: enabled; C: happened
	rtcFlags    = rtcAlarm | rtcUpdate
	rtcPending  = 0x80 // C
	rtcValid    = 0x80 // D: the battery is good
	rtcPM       = 0x80 // hours, in 12-hour mode
	rtcAnything = 0xc0 // an alarm byte from here on matches always
)

// RTC is a PC's CMOS clock, an MC146818 with 128 bytes of which those that are
// not registers are plain memory: a Device of two bytes, the index port (0x70 on
// a PC) and the data port.
//
// Its time is the clock's, in UTC, moved by what the guest sets; the host's time
// is never changed. It makes the alarm and the update interrupt, not the
// periodic one.
type RTC struct {
	clock func() time.Time

	mu     sync.Mutex
	irq    pin
	index  uint8
	ram    [128]uint8
	a, b   uint8
	flags  uint8 // what register C will show
	stands bool  // the time stands still in ram
	reset  bool  // and the divider was in reset meanwhile

	guest, host time.Time // the guest's time was guest when the clock said host
	seen        time.Time // events up to here are in flags
	updating    time.Time // when UIP was shown last

	wake   waker // for the next event that is to interrupt
	closed bool
}

// NewRTC makes a clock. clock is time.Now if nil; its monotonic part is not
// used, so that the guest's time follows the host's when that is adjusted. irq
// (ISA 8) may be nil.
func NewRTC(clock func() time.Time, irq Line) *RTC {
	if clock == nil {
		clock = time.Now
	}
	r := &RTC{clock: clock, irq: pin{line: irq}, a: rtcADefault, b: rtc24Hours}
	r.host = clock().Round(0)
	r.guest = r.host.UTC()
	r.seen = r.guest
	return r
}

// Close stops the clock's timer: no interrupt comes after it. The registers go
// on working.
func (r *RTC) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.wake.stop()
	return r.irq.err
}

// Read reads the data port at offset 1. The index port cannot be read and gives
// ones.
func (r *RTC) Read(offset uint64, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range p {
		p[i] = 0xff
		if offset+uint64(i) == 1 {
			p[i] = r.readRegister(r.index)
		}
	}
}

// Write selects a register at offset 0 (its top bit, which masks the NMI of a
// PC, has no effect) and writes it at offset 1.
func (r *RTC) Write(offset uint64, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, v := range p {
		switch offset + uint64(i) {
		case 0:
			r.index = v & 0x7f
		case 1:
			r.writeRegister(r.index, v)
		}
	}
}

// now is the guest's time. The lock is held.
func (r *RTC) now() time.Time { return r.guest.Add(r.clock().Round(0).Sub(r.host)) }

func isTimeRegister(index uint8) bool {
	switch index {
	case rtcSeconds, rtcMinutes, rtcHours, rtcWeekday, rtcDay, rtcMonth, rtcYear, RTCCenturyRegister:
		return true
	}
	return false
}

func (r *RTC) readRegister(index uint8) uint8 {
	switch {
	case index == rtcA:
		return r.a | r.updateInProgress()
	case index == rtcB:
		return r.b
	case index == rtcC:
		return r.readC()
	case index == rtcD:
		return rtcValid
	case isTimeRegister(index) && !r.stands:
		return encodeTime(r.now(), r.b, index)
	}
	return r.ram[index]
}

func (r *RTC) writeRegister(index, v uint8) {
	switch {
	case index == rtcA:
		r.a = v &^ rtcUpdating
		r.hold()
	case index == rtcB:
		r.collect()
		r.b = v
		r.hold()
	case index == rtcC || index == rtcD:
		return
	case isTimeRegister(index) && !r.stands:
		r.collect()
		now := r.now()
		r.freeze(now)
		r.ram[index] = v
		r.setTime(now.Nanosecond())
	case index == rtcSecondsAlarm || index == rtcMinutesAlarm || index == rtcHoursAlarm:
		r.collect()
		r.ram[index] = v
	default:
		r.ram[index] = v
	}
	r.settle()
}

// updateInProgress says that the time changes soon: 244 us before it does. It is
// never shown twice for one reading of the clock, so that a guest which waits for
// the end of it cannot hang on a clock that stands.
func (r *RTC) updateInProgress() uint8 {
	if r.stands {
		return 0
	}
	now := r.now()
	if now.Nanosecond() < int(time.Second-244*time.Microsecond) || now.Equal(r.updating) {
		return 0
	}
	r.updating = now
	return rtcUpdating
}

// hold stops the time while it is being set, or while the divider is in reset,
// and starts it again from the registers. Out of reset the first update comes
// after half a second; otherwise seconds go on to change when they did.
func (r *RTC) hold() {
	inReset := r.a&rtcDivider >= rtcDividerReset
	stands := r.b&rtcSet != 0 || inReset
	if stands && !r.stands {
		r.collect()
		r.freeze(r.now())
		r.reset = false
	}
	r.reset = r.reset || inReset
	if r.stands && !stands {
		fraction := r.now().Nanosecond()
		if r.reset {
			fraction = int(time.Second / 2)
		}
		r.setTime(fraction)
	}
	r.stands = stands
}

// freeze puts a time into the registers.
func (r *RTC) freeze(t time.Time) {
	for i := range uint8(len(r.ram)) {
		if isTimeRegister(i) {
			r.ram[i] = encodeTime(t, r.b, i)
		}
	}
}

// setTime makes the guest's time what the registers say, and so many
// nanoseconds into that second.
func (r *RTC) setTime(nanosecond int) {
	r.host = r.clock().Round(0)
	r.guest = decodeTime(&r.ram, r.b, nanosecond)
	r.seen = r.guest
}
