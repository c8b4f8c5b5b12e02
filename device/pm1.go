package device

import "sync"

const (
	// PM1EventSize is the number of addresses that the event block of a PM1 takes.
	PM1EventSize = 4
	// PM1ControlSize is the number of addresses that its control block takes.
	PM1ControlSize = 2

	pm1PowerButton = 1 << 8 // in both status and enable
	pm1WakeStatus  = 1 << 15
	// Bits that do not exist here read as zero: there is no power management
	// timer interrupt, bus master, global lock, sleep button or RTC wake.
	pm1EnableMask = pm1PowerButton

	pm1SCIEnable    = 1 << 0
	pm1SleepType    = 10
	pm1SleepEnable  = 1 << 13
	pm1ControlMask  = 7<<pm1SleepType | pm1SCIEnable
	pm1ControlReset = pm1SCIEnable
)

// PM1 is the fixed hardware of ACPI that a machine needs for power-off and the
// power button: the PM1a event and control blocks, two Devices. The FADT should
// leave SMI_CMD zero: ACPI mode is always on.
type PM1 struct {
	s5     uint8
	notify PowerFunc

	mu      sync.Mutex
	sci     pin
	status  uint16
	enable  uint16
	control uint16
}

// NewPM1 makes the blocks. s5 is the sleep type, 0 to 7, that the ACPI tables
// name in \_S5. sci is the system control interrupt, a level-triggered line; it
// may be nil.
func NewPM1(s5 uint8, sci Line, notify PowerFunc) *PM1 {
	return &PM1{s5: s5, notify: notify, sci: pin{line: sci}, control: pm1ControlReset}
}

// Event returns the event block: a status and an enable register of two bytes.
func (m *PM1) Event() Device { return pm1Event{m} }

// Control returns the control register, two bytes. A write of its sleep enable
// bit (13) with the type of S5 (bits 10 to 12) is PowerOff; with another type
// the guest goes on at once, with the wake status set.
func (m *PM1) Control() Device { return pm1Control{m} }

// PressPowerButton tells the guest that somebody pressed the power button; it
// usually shuts down then. It reports whether the guest listens.
func (m *PM1) PressPowerButton() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status |= pm1PowerButton
	m.settle()
	return m.enable&pm1PowerButton != 0
}

// Err returns the first error of the interrupt line, or nil.
func (m *PM1) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sci.err
}

func (m *PM1) settle() { m.sci.set(m.status&m.enable != 0) }

type pm1Event struct{ m *PM1 }

func (e pm1Event) Read(offset uint64, p []byte) {
	e.m.mu.Lock()
	defer e.m.mu.Unlock()
	readLittle(uint64(e.m.enable)<<16|uint64(e.m.status), PM1EventSize, offset, p)
}

func (e pm1Event) Write(offset uint64, p []byte) {
	m := e.m
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, v := range p {
		switch offset + uint64(i) {
		case 0:
			m.status &^= uint16(v)
		case 1:
			m.status &^= uint16(v) << 8
		case 3:
			m.enable = uint16(v) << 8 & pm1EnableMask
		}
	}
	m.settle()
}

type pm1Control struct{ m *PM1 }

func (c pm1Control) Read(offset uint64, p []byte) {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	readLittle(uint64(c.m.control), PM1ControlSize, offset, p)
}

func (c pm1Control) Write(offset uint64, p []byte) {
	for i, v := range p {
		switch offset + uint64(i) {
		case 0:
			c.m.writeControl(0x00ff, uint16(v))
		case 1:
			c.m.notify.report(c.m.writeControl(0xff00, uint16(v)<<8))
		}
	}
}

// writeControl replaces the bits of mask.
func (m *PM1) writeControl(mask, v uint16) PowerEvent {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.control = (m.control&^mask | v) & pm1ControlMask
	if v&pm1SleepEnable == 0 {
		return 0
	}
	if uint8(v>>pm1SleepType&7) == m.s5 {
		return PowerOff
	}
	m.status |= pm1WakeStatus
	m.settle()
	return 0
}

// readLittle gives the bytes from offset on of a register of size bytes, ones
// beyond its end.
func readLittle(v uint64, size, offset uint64, p []byte) {
	for i := range p {
		p[i] = 0xff
		if at := offset + uint64(i); at < size {
			p[i] = uint8(v >> (8 * at))
		}
	}
}
