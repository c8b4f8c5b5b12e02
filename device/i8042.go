package device

import "sync"

const (
	i8042StatusOutput  = 0x01 // a byte waits at the data port
	i8042StatusSystem  = 0x04 // self test passed
	i8042StatusCommand = 0x08 // the last write was a command
	i8042StatusUnlock  = 0x10 // the keyboard lock is open
	i8042StatusTimeout = 0x40 // the device did not answer

	i8042ControlIRQ    = 0x01 // keyboard interrupt
	i8042ControlSystem = 0x04
	i8042ControlNoKbd  = 0x10
	i8042ControlNoAux  = 0x20
	i8042ControlXlate  = 0x40

	i8042ReadControl  = 0x20
	i8042WriteControl = 0x60
	i8042NoAux        = 0xa7
	i8042EnableAux    = 0xa8
	i8042TestAux      = 0xa9
	i8042SelfTest     = 0xaa
	i8042TestKbd      = 0xab
	i8042NoKbd        = 0xad
	i8042EnableKbd    = 0xae
	i8042ReadOutput   = 0xd0
	i8042WriteOutput  = 0xd1
	i8042LoopKbd      = 0xd2
	i8042LoopAux      = 0xd3
	i8042SendAux      = 0xd4
	i8042Pulse        = 0xf0 // to 0xff: the low bits that are zero are pulsed

	i8042SelfTestOK   = 0x55
	i8042PortOK       = 0x00
	i8042PortClockLow = 0x01 // nothing is there, and its clock line hangs low
	i8042Resend       = 0xfe // what the controller says for a device that is silent

	i8042OutputReset = 0x01 // active low
	i8042OutputA20   = 0x02
)

const (
	// I8042DataPort is the offset of the data port from the controller's base,
	// which is 0x60 on a PC.
	I8042DataPort = 0
	// I8042CommandPort is the offset of the command port from the base. Port
	// 0x61 between them belongs to the timer, and comes with KVM's in-kernel PIT.
	I8042CommandPort = 4
)

// I8042 is the PC's keyboard controller with nothing plugged in: it answers a
// driver's probing at once, that it works, has no mouse port and that the
// keyboard is silent; and it resets the machine by command 0xfe, or by the
// output port's reset bit. Its two ports are separate Devices of one byte.
type I8042 struct {
	notify PowerFunc

	mu      sync.Mutex
	irq     pin
	control uint8
	status  uint8 // the bits that are not derived
	output  uint8 // output port
	data    uint8 // the byte that waits
	full    bool
	timeout bool  // data stands for a silent device
	expect  uint8 // command whose parameter comes next, or 0
}

// NewI8042 makes a controller. irq is the keyboard's interrupt (ISA 1) and may
// be nil.
func NewI8042(irq Line, notify PowerFunc) *I8042 {
	return &I8042{
		notify:  notify,
		irq:     pin{line: irq},
		control: i8042ControlSystem | i8042ControlNoAux | i8042ControlXlate,
		output:  i8042OutputReset | i8042OutputA20,
	}
}

// AddTo puts both ports on a bus, base being the data port's address.
func (c *I8042) AddTo(b *Bus, name string, base uint64) error {
	if err := b.Add(name+" data", base+I8042DataPort, 1, c.Data()); err != nil {
		return err
	}
	return b.Add(name+" command", base+I8042CommandPort, 1, c.Command())
}

// Data returns the data port.
func (c *I8042) Data() Device { return i8042Data{c} }

// Command returns the status and command port.
func (c *I8042) Command() Device { return i8042Command{c} }

// Err returns the first error of the interrupt line, or nil.
func (c *I8042) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.irq.err
}

type i8042Data struct{ c *I8042 }

func (d i8042Data) Read(offset uint64, p []byte) {
	fillOnes(p)
	if offset == 0 && len(p) > 0 {
		p[0] = d.c.readData()
	}
}

func (d i8042Data) Write(offset uint64, p []byte) {
	if offset == 0 && len(p) > 0 {
		d.c.notify.report(d.c.writeData(p[0]))
	}
}

type i8042Command struct{ c *I8042 }

func (d i8042Command) Read(offset uint64, p []byte) {
	fillOnes(p)
	if offset == 0 && len(p) > 0 {
		p[0] = d.c.readStatus()
	}
}

func (d i8042Command) Write(offset uint64, p []byte) {
	if offset == 0 && len(p) > 0 {
		d.c.notify.report(d.c.command(p[0]))
	}
}

func (c *I8042) readStatus() uint8 {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.status | c.control&i8042ControlSystem | i8042StatusUnlock
	if c.full {
		v |= i8042StatusOutput
		if c.timeout {
			v |= i8042StatusTimeout
		}
	}
	return v
}

// readData takes the byte that waits; without one the last byte comes again.
func (c *I8042) readData() uint8 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.full = false
	c.settle()
	return c.data
}

// command performs a write to the command port.
func (c *I8042) command(v uint8) PowerEvent {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status |= i8042StatusCommand
	c.expect = 0
	switch v {
	case i8042ReadControl:
		c.reply(c.control)
	case i8042WriteControl, i8042WriteOutput, i8042LoopKbd, i8042LoopAux, i8042SendAux:
		c.expect = v
	case i8042NoAux:
		c.control |= i8042ControlNoAux
	case i8042EnableAux:
		c.control &^= i8042ControlNoAux
	case i8042TestAux:
		c.reply(i8042PortClockLow)
	case i8042SelfTest:
		c.control |= i8042ControlSystem
		c.reply(i8042SelfTestOK)
	case i8042TestKbd:
		c.reply(i8042PortOK)
	case i8042NoKbd:
		c.control |= i8042ControlNoKbd
	case i8042EnableKbd:
		c.control &^= i8042ControlNoKbd
	case i8042ReadOutput:
		c.reply(c.output)
	default:
		if v >= i8042Pulse && v&i8042OutputReset == 0 {
			return Reset
		}
	}
	return 0
}

// writeData performs a write to the data port: the parameter of a command, or a
// byte for the keyboard that is not there.
func (c *I8042) writeData(v uint8) PowerEvent {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status &^= i8042StatusCommand
	command := c.expect
	c.expect = 0
	switch command {
	case i8042WriteControl:
		c.control = v
		c.settle()
	case i8042WriteOutput:
		c.output = v
		if v&i8042OutputReset == 0 {
			return Reset
		}
	case i8042LoopKbd, i8042LoopAux:
		// Without a mouse port the looped byte comes from the keyboard's side,
		// by which drivers see that there is none.
		c.reply(v)
	default:
		c.control &^= i8042ControlNoKbd
		c.reply(i8042Resend)
		c.timeout = true
	}
	return 0
}

// reply makes a byte wait at the data port, instead of one that did.
func (c *I8042) reply(v uint8) {
	c.data, c.full, c.timeout = v, true, false
	c.settle()
}

func (c *I8042) settle() { c.irq.set(c.full && c.control&i8042ControlIRQ != 0) }
