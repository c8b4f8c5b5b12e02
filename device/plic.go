package device

import (
	"math/bits"
	"sync"
)

// Registers of a PLIC, by offset: blocks with a word for each source or context.
const (
	plicPriority   = 0x000000 // a word for each source
	plicPending    = 0x001000 // a bit for each source
	plicEnable     = 0x002000 // a bit for each source, for each context
	plicEnableStep = 0x80
	plicContext    = 0x200000 // threshold, and claim or complete
	plicStep       = 0x1000
	plicThreshold  = 0x0
	plicClaim      = 0x4
)

const (
	// PLICSources is the largest number of sources that a PLIC has; they count from 1.
	PLICSources = 63
	// plicMaxPriority is the highest of the priorities 0 (never) to 7.
	plicMaxPriority = 7
)

// PLIC is RISC-V's platform-level interrupt controller, for a machine whose
// interrupt controller is not in the kernel: a Device that takes 63 interrupt lines
// and drives the external interrupt of each context, which is a hart in one of its
// modes.
//
// The lines are level-triggered: a source is pending while its line is high and
// nobody serves it.
type PLIC struct {
	mu       sync.Mutex
	priority [PLICSources + 1]uint8
	level    uint64 // lines that are high, a bit each; source 0 does not exist
	pending  uint64
	served   uint64 // claimed and not completed
	contexts []plicTarget
}

// plicTarget is a context.
type plicTarget struct {
	irq       pin
	enabled   uint64
	threshold uint8
}

// NewPLIC makes a controller with a context for each of the lines, in their order.
func NewPLIC(contexts ...Line) *PLIC {
	c := &PLIC{contexts: make([]plicTarget, len(contexts))}
	for i, line := range contexts {
		c.contexts[i].irq.line = line
	}
	return c
}

// Source returns the line of a source, 1 to PLICSources. Lines of other numbers
// lead nowhere.
func (c *PLIC) Source(number int) Line { return plicSource{c, number} }

type plicSource struct {
	c      *PLIC
	number int
}

// SetLevel implements Line.
func (s plicSource) SetLevel(high bool) error {
	if s.number < 1 || s.number > PLICSources {
		return nil
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if high {
		s.c.level |= 1 << s.number
	} else {
		s.c.level &^= 1 << s.number
	}
	s.c.settle()
	return s.c.err()
}

// Read reads registers.
func (c *PLIC) Read(offset uint64, p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	readWords(offset, p, c.readRegister)
	c.settle()
}

// Write writes registers.
func (c *PLIC) Write(offset uint64, p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	writeWords(offset, p, c.writeRegister)
	c.settle()
}

// half returns the low or the high word of a set of sources.
func half(set uint64, register uint64) uint32 {
	if register > 4 {
		return 0
	}
	return uint32(set >> (8 * register))
}

func (c *PLIC) readRegister(register uint64) uint32 {
	switch {
	case register < plicPending:
		if source := register / 4; source <= PLICSources {
			return uint32(c.priority[source])
		}
	case register < plicEnable:
		return half(c.pending, register-plicPending)
	case register < plicContext:
		if t := c.target((register - plicEnable) / plicEnableStep); t != nil {
			return half(t.enabled, (register-plicEnable)%plicEnableStep)
		}
	default:
		return c.readContext((register-plicContext)/plicStep, register%plicStep)
	}
	return 0
}

func (c *PLIC) readContext(number, register uint64) uint32 {
	t := c.target(number)
	switch {
	case t == nil:
	case register == plicThreshold:
		return uint32(t.threshold)
	case register == plicClaim:
		return c.claim(t)
	}
	return 0
}

func (c *PLIC) writeRegister(register uint64, v uint32) {
	switch {
	case register < plicPending:
		if source := register / 4; source >= 1 && source <= PLICSources {
			c.priority[source] = uint8(v & plicMaxPriority)
		}
	case register < plicEnable: // pending bits are the controller's
	case register < plicContext:
		word := (register - plicEnable) % plicEnableStep
		if t := c.target((register - plicEnable) / plicEnableStep); t != nil && word <= 4 {
			t.enabled = t.enabled&^(0xffffffff<<(8*word)) | uint64(v)<<(8*word)
			t.enabled &^= 1
		}
	default:
		c.writeContext((register-plicContext)/plicStep, register%plicStep, v)
	}
}

func (c *PLIC) writeContext(number, register uint64, v uint32) {
	t := c.target(number)
	switch {
	case t == nil:
	case register == plicThreshold:
		t.threshold = uint8(v & plicMaxPriority)
	case register == plicClaim && v <= PLICSources && t.enabled&(1<<v) != 0:
		c.served &^= 1 << v // completed
	}
}

// target returns a context, nil where there is none.
func (c *PLIC) target(number uint64) *plicTarget {
	if number >= uint64(len(c.contexts)) {
		return nil
	}
	return &c.contexts[number]
}

// claim takes the most urgent pending source of a context, 0 if there is none.
func (c *PLIC) claim(t *plicTarget) uint32 {
	source, _ := c.best(t)
	if source != 0 {
		c.pending &^= 1 << source
		c.served |= 1 << source
	}
	return source
}

// best returns the pending source with the highest priority, of several that with
// the lowest number. Priority 0 is none.
func (c *PLIC) best(t *plicTarget) (source uint32, priority uint8) {
	for set := c.pending & t.enabled; set != 0; set &= set - 1 {
		n := bits.TrailingZeros64(set)
		if c.priority[n] > priority {
			source, priority = uint32(n), c.priority[n]
		}
	}
	return source, priority
}

// settle brings pending sources and the contexts' lines up to date.
func (c *PLIC) settle() {
	c.pending = c.level &^ c.served
	for i := range c.contexts {
		t := &c.contexts[i]
		_, priority := c.best(t)
		t.irq.set(priority > t.threshold)
	}
}

// Err returns the first error of a context's line, or nil.
func (c *PLIC) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err()
}

func (c *PLIC) err() error {
	for i := range c.contexts {
		if err := c.contexts[i].irq.err; err != nil {
			return err
		}
	}
	return nil
}
