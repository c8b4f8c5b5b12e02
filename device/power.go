package device

import (
	"fmt"
	"sync"
)

// PowerEvent is what a guest asks of the machine as a whole.
type PowerEvent uint8

const (
	// PowerOff asks to switch the machine off (ACPI state S5).
	PowerOff PowerEvent = iota + 1
	// Reset asks to start the machine again.
	Reset
)

// String names the event.
func (e PowerEvent) String() string {
	switch e {
	case PowerOff:
		return "power off"
	case Reset:
		return "reset"
	}
	return fmt.Sprintf("PowerEvent(%d)", uint8(e))
}

// PowerFunc is told of a PowerEvent, on the thread of the vCPU that asked, and
// by several vCPUs at once or repeatedly if they ask so. It must not block: it
// notes the event and has the vCPUs stopped. A nil PowerFunc ignores events.
type PowerFunc func(PowerEvent)

func (f PowerFunc) report(e PowerEvent) {
	if f != nil && e != 0 {
		f(e)
	}
}

const (
	sleepControl    = 0
	sleepStatus     = 1
	sleepEnable     = 1 << 5
	sleepTypeShift  = 2
	sleepTypeMask   = 7
	sleepWakeStatus = 1 << 7

	// SleepSize is the number of addresses that a SleepRegs takes.
	SleepSize = 2
)

// SleepRegs are the sleep registers of hardware-reduced ACPI, a Device of two
// bytes: SLEEP_CONTROL at offset 0 and SLEEP_STATUS at offset 1. A write of the
// sleep enable bit (5) with the type of S5 (bits 2 to 4) is PowerOff. With any
// other type the guest goes on at once, with the wake status bit (7) set, as
// after a sleep that ended immediately.
type SleepRegs struct {
	s5     uint8
	notify PowerFunc

	mu      sync.Mutex
	control uint8
	awoke   bool
}

// NewSleepRegs makes the registers. s5 is the sleep type, 0 to 7, that the
// ACPI tables name in \_S5.
func NewSleepRegs(s5 uint8, notify PowerFunc) *SleepRegs {
	return &SleepRegs{s5: s5, notify: notify}
}

// Read reads the registers; the enable bit reads as zero.
func (r *SleepRegs) Read(offset uint64, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range p {
		switch offset + uint64(i) {
		case sleepControl:
			p[i] = r.control
		case sleepStatus:
			p[i] = 0
			if r.awoke {
				p[i] = sleepWakeStatus
			}
		default:
			p[i] = 0xff
		}
	}
}

// Write writes the registers; the wake status is cleared by writing it as one.
func (r *SleepRegs) Write(offset uint64, p []byte) {
	for i, v := range p {
		switch offset + uint64(i) {
		case sleepControl:
			r.notify.report(r.writeControl(v))
		case sleepStatus:
			r.clearStatus(v)
		}
	}
}

func (r *SleepRegs) writeControl(v uint8) PowerEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.control = v &^ sleepEnable
	if v&sleepEnable == 0 {
		return 0
	}
	if v>>sleepTypeShift&sleepTypeMask == r.s5 {
		return PowerOff
	}
	r.awoke = true
	return 0
}

func (r *SleepRegs) clearStatus(v uint8) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v&sleepWakeStatus != 0 {
		r.awoke = false
	}
}

// ResetReg is the ACPI reset register, a Device of one byte: a write of the one
// value is Reset, other values do nothing. It reads as zero.
type ResetReg struct {
	value  uint8
	notify PowerFunc
}

// ResetSize is the number of addresses that a ResetReg takes.
const ResetSize = 1

// NewResetReg makes the register. value is what the ACPI tables name in
// RESET_VALUE.
func NewResetReg(value uint8, notify PowerFunc) *ResetReg { return &ResetReg{value, notify} }

// Read gives zeros.
func (r *ResetReg) Read(_ uint64, p []byte) { clear(p) }

// Write resets if the byte for the register is the reset value.
func (r *ResetReg) Write(offset uint64, p []byte) {
	if offset == 0 && len(p) > 0 && p[0] == r.value {
		r.notify.report(Reset)
	}
}
