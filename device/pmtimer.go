package device

import (
	"math/bits"
	"time"
)

const (
	// PMTimerHz is the frequency of the ACPI power management timer.
	PMTimerHz = 3579545
	// PMTimerSize is the number of addresses that a PMTimer takes.
	PMTimerSize = 4
)

// PMTimer is the ACPI power management timer, a Device of four bytes: a counter
// of PMTimerHz that a guest reads to calibrate faster clocks. It makes no
// interrupt at overflow. Writes are ignored.
type PMTimer struct {
	clock func() time.Time
	start time.Time
	mask  uint64
}

// NewPMTimer makes a timer that starts at zero now. wide selects 32 bits (the
// FADT's TMR_VAL_EXT) instead of 24. clock is time.Now if nil; differences of
// its readings count, so it should have a monotonic part as time.Now does.
func NewPMTimer(wide bool, clock func() time.Time) *PMTimer {
	if clock == nil {
		clock = time.Now
	}
	t := &PMTimer{clock: clock, start: clock(), mask: 1<<24 - 1}
	if wide {
		t.mask = 1<<32 - 1
	}
	return t
}

// Read gives the counter, little endian.
func (t *PMTimer) Read(offset uint64, p []byte) {
	readLittle(t.ticks(), PMTimerSize, offset, p)
}

// Write does nothing.
func (t *PMTimer) Write(uint64, []byte) {}

func (t *PMTimer) ticks() uint64 {
	elapsed := max(t.clock().Sub(t.start), 0)
	high, low := bits.Mul64(uint64(elapsed), PMTimerHz) // more than 64 bits after 59 days
	q, _ := bits.Div64(high, low, uint64(time.Second))
	return q & t.mask
}
