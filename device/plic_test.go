package device

import (
	"errors"
	"testing"
)

// plic returns a controller with two contexts that listen to every source, and
// sources of priority 1.
func plic() (*PLIC, guest32, [2]*testLine) {
	lines := [2]*testLine{newTestLine(), newTestLine()}
	c := NewPLIC(lines[0], lines[1])
	g := guest32{c}
	for s := range uint64(PLICSources) {
		g.out(plicPriority+4*(s+1), 1)
	}
	for ctx := range uint64(2) {
		g.out(plicEnable+ctx*plicEnableStep, 0xffffffff)
		g.out(plicEnable+ctx*plicEnableStep+4, 0xffffffff)
	}
	return c, g, lines
}

const (
	claim0     = plicContext + plicClaim
	claim1     = claim0 + plicStep
	threshold0 = plicContext + plicThreshold
)

func raise(t *testing.T, c *PLIC, source int, high bool) {
	t.Helper()
	if err := c.Source(source).SetLevel(high); err != nil {
		t.Fatal(err)
	}
}

func TestPLICLifeOfAnInterrupt(t *testing.T) {
	for _, source := range []int{1, 31, 32, 63} {
		c, g, lines := plic()
		raise(t, c, source, true)
		if !lines[0].level() || !lines[1].level() {
			t.Fatalf("source %d: lines %v, %v", source, lines[0].level(), lines[1].level())
		}
		want32(t, "pending", g.in(plicPending+uint64(source/32*4)), 1<<(source%32))
		want32(t, "claim", g.in(claim1), uint32(source))
		if lines[0].level() || lines[1].level() {
			t.Error("a claimed interrupt is still signalled")
		}
		want32(t, "a second claim", g.in(claim0), 0)
		g.out(claim1, uint32(source))
		if !lines[0].level() {
			t.Error("the line is high and nobody serves it")
		}
		want32(t, "claim", g.in(claim0), uint32(source))
		raise(t, c, source, false)
		g.out(claim0, uint32(source))
		if lines[0].level() || g.in(claim0) != 0 {
			t.Error("an interrupt without a reason")
		}
	}
}

func TestPLICPriorities(t *testing.T) {
	c, g, lines := plic()
	g.out(plicPriority+4*9, 7)
	g.out(plicPriority+4*5, 3)
	g.out(plicPriority+4*4, 0) // never
	for _, s := range []int{4, 5, 7, 6, 9} {
		raise(t, c, s, true)
	}
	for _, want := range []uint32{9, 5, 6, 7, 0} {
		want32(t, "claim", g.in(claim0), want)
	}
	g.out(threshold0, 3)
	g.out(claim0, 5)
	if lines[0].level() || !lines[1].level() {
		t.Error("the threshold holds for its own context and its priority")
	}
	g.out(claim0, 9)
	if !lines[0].level() {
		t.Error("the threshold holds back what is above it")
	}
}

func TestPLICEnable(t *testing.T) {
	c, g, lines := plic()
	g.out(plicEnable, ^uint32(1<<3))
	raise(t, c, 3, true)
	if lines[0].level() || !lines[1].level() {
		t.Error("a disabled source is signalled, or an enabled one is not")
	}
	want32(t, "claim", g.in(claim0), 0)
	want32(t, "claim of the other", g.in(claim1), 3)
	g.out(claim0, 3) // not enabled there: no completion
	if lines[1].level() {
		t.Error("completed by a context that does not have the source")
	}
	want32(t, "enable", g.in(plicEnable), ^uint32(1<<3|1))
	want32(t, "enable", g.in(plicEnable+4), 0xffffffff)
}

func TestPLICIgnoresWhatIsNotThere(t *testing.T) {
	c, g, _ := plic()
	raise(t, c, 0, true)
	raise(t, c, 64, true)
	raise(t, c, -1, true)
	want32(t, "pending", g.in(plicPending)|g.in(plicPending+4)|g.in(plicPending+8), 0)
	for _, register := range []uint64{
		plicPriority, plicPriority + 4*64, plicPending, plicEnable + 8, plicEnable + 2*plicEnableStep,
		plicContext + 2*plicStep, plicContext + 2*plicStep + 4, plicContext + 8, 1 << 40,
	} {
		g.out(register, 0xffffffff)
		want32(t, "register", g.in(register), 0)
	}
	g.out(claim0, 0)
	g.out(claim0, 0xffffffff)
}

func TestPLICReportsALineThatFails(t *testing.T) {
	c, _, lines := plic()
	lines[1].fail = errors.New("no such hart")
	if err := c.Source(1).SetLevel(true); !errors.Is(err, lines[1].fail) || !errors.Is(c.Err(), lines[1].fail) {
		t.Errorf("%v, %v; want %v", err, c.Err(), lines[1].fail)
	}
}

// FuzzPLIC wants lines that follow from the registers, and a source in no more than
// one pair of hands.
func FuzzPLIC(f *testing.F) {
	f.Add([]byte{0, 1, 3, 1, 1, 0, 2, 0, 5, 1, 2, 0, 9})
	f.Fuzz(func(t *testing.T, in []byte) {
		c, g, lines := plic()
		for ; len(in) >= 2; in = in[2:] {
			v := uint64(in[1])
			switch in[0] % 8 {
			case 0, 1:
				_ = c.Source(int(v & 63)).SetLevel(in[0]%8 == 0)
			case 2:
				g.in(plicContext + v%3*plicStep + plicClaim)
			case 3:
				g.out(plicContext+v%3*plicStep+plicClaim, uint32(v>>2))
			case 4:
				g.out(plicPriority+v*4, uint32(in[0]>>3))
			case 5:
				g.out(plicEnable+v*4, uint32(in[0])*0x01010101)
			case 6:
				g.out(plicContext+v%3*plicStep, uint32(in[0]>>3))
			default:
				p := make([]byte, in[0]>>3)
				c.Read(v*0x3001, p)
				c.Write(v*0x3001, p)
			}
		}
		for i, line := range lines {
			if _, priority := c.best(&c.contexts[i]); line.level() != (priority > c.contexts[i].threshold) {
				t.Errorf("context %d: line %v, priority %d, threshold %d", i, line.level(), priority, c.contexts[i].threshold)
			}
		}
		if c.pending&c.served != 0 || c.pending&^c.level != 0 || (c.pending|c.served|c.level)&1 != 0 {
			t.Errorf("level %#x, pending %#x, served %#x", c.level, c.pending, c.served)
		}
	})
}
