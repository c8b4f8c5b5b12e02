package device

import (
	"errors"
	"sync"
	"testing"
)

// keyboardPorts accesses an I8042 through a bus, as at its place in a PC.
type keyboardPorts struct {
	t *testing.T
	b *Bus
}

func (k keyboardPorts) in(port uint64) uint8 {
	var p [1]byte
	k.b.Read(port, p[:])
	return p[0]
}

func (k keyboardPorts) out(port uint64, v uint8) { k.b.Write(port, []byte{v}) }

// command is the shape of Linux's i8042_command: parameters, then one reply.
func (k keyboardPorts) command(c uint8, params ...uint8) (reply, status uint8) {
	k.t.Helper()
	k.out(0x64, c)
	for _, p := range params {
		if k.in(0x64)&2 != 0 {
			k.t.Fatal("the input buffer is never free")
		}
		k.out(0x60, p)
	}
	status = k.in(0x64)
	if status&i8042StatusOutput == 0 {
		return 0, status
	}
	return k.in(0x60), status
}

func newTestI8042(t *testing.T) (*I8042, keyboardPorts, *testLine, *events) {
	var e events
	line := newTestLine()
	c := NewI8042(line, e.note)
	var b Bus
	if err := c.AddTo(&b, "i8042", 0x60); err != nil {
		t.Fatal(err)
	}
	return c, keyboardPorts{t, &b}, line, &e
}

// Every step of Linux's probing is answered at once, and finds a controller
// that works, a keyboard port and no mouse port.
func TestI8042LinuxProbing(t *testing.T) {
	c, k, line, e := newTestI8042(t)
	for n := 0; k.in(0x64)&i8042StatusOutput != 0; n++ {
		if k.in(0x60); n > 16 {
			t.Fatal("the buffer cannot be emptied")
		}
	}
	if s := k.in(0x64); s&i8042StatusUnlock == 0 || s == 0xff {
		t.Errorf("status %#x", s)
	}
	if r, _ := k.command(i8042SelfTest); r != i8042SelfTestOK {
		t.Errorf("self test %#x", r)
	}
	ctr, s := k.command(i8042ReadControl)
	if s&i8042StatusOutput == 0 || s&i8042StatusCommand == 0 {
		t.Errorf("status %#x", s)
	}
	ctr = ctr&^uint8(i8042ControlIRQ) | i8042ControlNoKbd
	k.command(i8042WriteControl, ctr)
	if r, _ := k.command(i8042ReadControl); r != ctr {
		t.Errorf("control %#x, want %#x", r, ctr)
	}
	const auxData = 0x20
	if r, s := k.command(i8042LoopAux, 0x5a); s&i8042StatusOutput == 0 || s&auxData != 0 || r != 0x5a {
		t.Errorf("aux loop gives %#x, status %#x: there seems to be a mouse port", r, s)
	}
	if r, s := k.command(i8042TestAux); s&i8042StatusOutput == 0 || r == 0 || r == 0xfa || r == 0xff {
		t.Errorf("aux test gives %#x, status %#x: there seems to be a mouse port", r, s)
	}
	if r, s := k.command(i8042TestKbd); s&i8042StatusOutput == 0 || r != 0 {
		t.Errorf("keyboard test gives %#x", r)
	}
	if line.count() != 0 {
		t.Error("interrupts while they are disabled")
	}

	k.command(i8042WriteControl, i8042ControlIRQ|i8042ControlXlate|i8042ControlNoAux)
	k.out(0x60, 0xf2) // what are you?
	if !line.level() {
		t.Error("no interrupt for the answer of the keyboard that is not there")
	}
	if s := k.in(0x64); s&(i8042StatusTimeout|i8042StatusOutput) != i8042StatusTimeout|i8042StatusOutput || s&i8042StatusCommand != 0 {
		t.Errorf("status %#x, want a timeout", s)
	}
	wantHex(t, "answer", k.in(0x60), i8042Resend)
	if line.level() {
		t.Error("the interrupt did not end")
	}
	e.want(t, "probing")
	if c.Err() != nil {
		t.Error(c.Err())
	}
}

func TestI8042Reset(t *testing.T) {
	_, k, _, e := newTestI8042(t)
	k.out(0x64, 0xfe)
	e.want(t, "pulse", Reset)
	k.out(0x64, 0xff)
	e.want(t, "pulse of nothing")
	k.command(i8042WriteOutput, 0xdf)
	e.want(t, "A20 on")
	if r, _ := k.command(i8042ReadOutput); r != 0xdf {
		t.Errorf("output port %#x", r)
	}
	k.command(i8042WriteOutput, 0xde)
	e.want(t, "output port", Reset)
}

func TestI8042Ports(t *testing.T) {
	_, k, _, _ := newTestI8042(t)
	for _, port := range []uint64{0x61, 0x62, 0x63, 0x65} {
		if _, _, ok := k.b.Lookup(port); ok {
			t.Errorf("port %#x is taken", port)
		}
	}
	c := NewI8042(nil, nil)
	if err := c.AddTo(k.b, "second", 0x60); !errors.Is(err, ErrOverlap) {
		t.Errorf("AddTo = %v", err)
	}
	for _, v := range []uint8{i8042NoAux, i8042EnableAux, i8042NoKbd, i8042EnableKbd, i8042SendAux, 0x33} {
		k.out(0x64, v)
	}
	c.Command().Write(0, []byte{0xfe}) // nobody is told
}

func TestI8042ConcurrentUse(t *testing.T) {
	_, k, _, _ := newTestI8042(t)
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			for j := range 2000 {
				k.out(0x60+uint64(j&4), uint8(i*j))
				k.in(0x60)
				k.in(0x64)
			}
		})
	}
	wg.Wait()
}

func FuzzI8042(f *testing.F) {
	f.Add([]byte{3, 0, 0xaa, 0, 0, 0, 3, 0, 0x60, 1, 0, 1, 1, 0, 0xed})
	f.Fuzz(func(t *testing.T, in []byte) {
		line := newTestLine()
		c := NewI8042(line, func(PowerEvent) {})
		traffic(c.Data(), in, func(op, v byte) {
			if op >= 0x80 {
				c.Command().Read(0, make([]byte, 1))
			} else {
				c.Command().Write(0, []byte{v})
			}
		})
		if pending := c.full && c.control&i8042ControlIRQ != 0; pending != line.level() {
			t.Errorf("interrupt pending %v, line %v", pending, line.level())
		}
	})
}
