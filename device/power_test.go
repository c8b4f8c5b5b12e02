package device

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// events records what a device reports.
type events struct {
	mu  sync.Mutex
	got []PowerEvent
}

func (e *events) note(v PowerEvent) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.got = append(e.got, v)
}

func (e *events) want(t *testing.T, what string, want ...PowerEvent) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Equal(e.got, want) {
		t.Errorf("%s: events %v, want %v", what, e.got, want)
	}
	e.got = nil
}

func TestSleepRegs(t *testing.T) {
	var e events
	r := NewSleepRegs(5, e.note)
	g := guest{r}
	g.out(sleepStatus, sleepWakeStatus)
	g.out(sleepControl, 5<<2)
	e.want(t, "type without enable")
	wantHex(t, "control", g.in(sleepControl), 5<<2)
	g.out(sleepControl, 1<<2|sleepEnable)
	e.want(t, "S1")
	wantHex(t, "control: the enable bit reads as zero", g.in(sleepControl), 1<<2)
	wantHex(t, "status: woke up", g.in(sleepStatus), sleepWakeStatus)
	g.out(sleepStatus, 0x7f)
	wantHex(t, "status", g.in(sleepStatus), sleepWakeStatus)
	g.out(sleepStatus, sleepWakeStatus)
	wantHex(t, "status", g.in(sleepStatus), 0)
	g.out(sleepControl, 5<<2|sleepEnable)
	e.want(t, "S5", PowerOff)
	wantHex(t, "beyond", g.in(2), 0xff)
	NewSleepRegs(5, nil).Write(0, []byte{5<<2 | sleepEnable})
}

func TestResetReg(t *testing.T) {
	var e events
	g := guest{NewResetReg(6, e.note)}
	g.out(0, 2)
	g.out(1, 6)
	g.d.Write(0, nil)
	e.want(t, "other values")
	g.out(0, 6)
	e.want(t, "the value", Reset)
	wantHex(t, "read", g.in(0), 0)
	if s := PowerOff.String() + Reset.String() + PowerEvent(9).String(); s != "power offresetPowerEvent(9)" {
		t.Error(s)
	}
}

func TestPM1PowerOff(t *testing.T) {
	var e events
	m := NewPM1(5, nil, e.note)
	c := m.Control()
	p := make([]byte, 2)
	c.Read(0, p)
	if !bytes.Equal(p, []byte{1, 0}) {
		t.Errorf("control %v: ACPI mode is not on", p)
	}
	// Linux writes the type first, then the type and the enable bit.
	c.Write(0, []byte{1, 5 << 2})
	e.want(t, "type without enable")
	c.Write(0, []byte{1, 5<<2 | 0x20})
	e.want(t, "S5", PowerOff)
	c.Write(1, []byte{5<<2 | 0x20})
	e.want(t, "S5 by a byte", PowerOff)
	c.Write(1, []byte{3<<2 | 0x20})
	e.want(t, "S3")
	c.Read(0, p)
	if !bytes.Equal(p, []byte{1, 3 << 2}) {
		t.Errorf("control %v", p)
	}
	ev := make([]byte, 4)
	m.Event().Read(0, ev)
	if !bytes.Equal(ev, []byte{0, 0x80, 0, 0}) {
		t.Errorf("event block %v, want the wake status", ev)
	}
}

func TestPM1PowerButton(t *testing.T) {
	line := newTestLine()
	m := NewPM1(5, line, nil)
	ev := m.Event()
	if m.PressPowerButton() || line.level() {
		t.Error("the guest does not listen yet")
	}
	ev.Write(0, []byte{0, 1})
	ev.Write(2, []byte{0xff, 0xff})
	if line.level() {
		t.Error("an interrupt for a press that was cleared")
	}
	p := make([]byte, 4)
	if ev.Read(0, p); !bytes.Equal(p, []byte{0, 0, 0, 1}) {
		t.Errorf("event block %v: only the power button can be enabled", p)
	}
	if !m.PressPowerButton() || !line.level() {
		t.Error("no interrupt")
	}
	if ev.Read(0, p[:2]); p[1] != 1 {
		t.Errorf("status %v", p[:2])
	}
	ev.Write(0, []byte{0, 1})
	if line.level() {
		t.Error("clearing the status did not end the interrupt")
	}
	line.fail = errors.New("no")
	m.PressPowerButton()
	if !errors.Is(m.Err(), line.fail) {
		t.Errorf("Err = %v", m.Err())
	}
}

func TestPMTimer(t *testing.T) {
	clock := &fakeClock{testStart}
	narrow, wide := NewPMTimer(false, clock.now), NewPMTimer(true, clock.now)
	read := func(d Device) uint32 {
		var p [4]byte
		d.Read(0, p[:])
		return uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24
	}
	for _, c := range []struct {
		after time.Duration
		ticks uint64
	}{
		{0, 0},
		{time.Second, PMTimerHz},
		{time.Millisecond, 3579},
		{10 * time.Second, 10 * PMTimerHz},
		{365 * 24 * time.Hour, 365 * 86400 * PMTimerHz},
		{-time.Second, 0},
	} {
		clock.t = testStart.Add(c.after)
		if got := read(narrow); got != uint32(c.ticks&0xffffff) {
			t.Errorf("24 bits after %v: %d", c.after, got)
		}
		if got := read(wide); got != uint32(c.ticks) {
			t.Errorf("32 bits after %v: %d", c.after, got)
		}
	}
	clock.t = testStart.Add(1<<63 - 1)
	read(wide)
	wide.Write(0, []byte{1})
	var p [4]byte
	wide.Read(0, p[:])
	for i := range p {
		wantHex(t, "a byte of it", guest{wide}.in(uint64(i)), p[i])
	}
	running := NewPMTimer(true, nil)
	a := read(running)
	time.Sleep(2 * time.Millisecond)
	if b := read(running); b-a < 7159 || b-a > 20*PMTimerHz {
		t.Errorf("%d ticks in 2 ms", b-a)
	}
}

func TestDebugPort(t *testing.T) {
	var out bytes.Buffer
	d := NewDebugPort(0xe9, &out)
	g := guest{d}
	wantHex(t, "read", g.in(0), 0xe9)
	for _, b := range []byte("one\ntwo") {
		g.out(0, b)
	}
	g.out(1, 'x')
	if out.String() != "one\n" {
		t.Errorf("%q", out.String())
	}
	if err := d.Flush(); err != nil || out.String() != "one\ntwo" {
		t.Errorf("%v, %q", err, out.String())
	}
	broken := errors.New("broken")
	d = NewDebugPort(0, writerFunc(func([]byte) (int, error) { return 0, broken }))
	for range 1000 {
		guest{d}.out(0, 'x')
	}
	if err := d.Flush(); !errors.Is(err, broken) || cap(d.line) > debugPortLine {
		t.Errorf("%v, %d bytes kept", err, cap(d.line))
	}
}

func TestIgnore(t *testing.T) {
	p := []byte{0, 0}
	Ignore{}.Read(0, p)
	Ignore{}.Write(0, p)
	if !bytes.Equal(p, []byte{0xff, 0xff}) {
		t.Error(p)
	}
}

func FuzzPower(f *testing.F) {
	f.Add([]byte{1, 0, 0x34, 2, 1, 0x3c, 3, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		line := newTestLine()
		m := NewPM1(5, line, func(PowerEvent) {})
		debug := NewDebugPort(1, &bytes.Buffer{})
		for _, d := range []Device{m.Event(), m.Control(), NewSleepRegs(5, func(PowerEvent) {}),
			NewResetReg(1, func(PowerEvent) {}), NewPMTimer(true, nil), debug} {
			traffic(d, in, func(byte, byte) { m.PressPowerButton() })
		}
		if pending := m.status&m.enable != 0; pending != line.level() {
			t.Errorf("interrupt pending %v, line %v", pending, line.level())
		}
	})
}
