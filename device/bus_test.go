package device

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
)

// ram is a device that stores what is written and counts accesses.
type ram struct {
	mu    sync.Mutex
	bytes [64]byte
}

func (r *ram) Read(offset uint64, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range p {
		p[i] = r.bytes[(offset+uint64(i))%64]
	}
}

func (r *ram) Write(offset uint64, p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range p {
		r.bytes[(offset+uint64(i))%64] = p[i]
	}
}

func add(t testing.TB, b *Bus, name string, base, size uint64, d Device) {
	t.Helper()
	if err := b.Add(name, base, size, d); err != nil {
		t.Fatal(err)
	}
}

func TestBusRoutesByAddress(t *testing.T) {
	var b Bus
	var com1, com2 ram
	add(t, &b, "com2", 0x2f8, 8, &com2)
	add(t, &b, "com1", 0x3f8, 8, &com1)
	b.Write(0x3f9, []byte{7})
	if com1.bytes[1] != 7 || com2.bytes[1] != 0 {
		t.Fatalf("com1 %v com2 %v", com1.bytes[:8], com2.bytes[:8])
	}
	if d, off, ok := b.Lookup(0x3ff); !ok || off != 7 || d != Device(&com1) {
		t.Fatalf("Lookup(0x3ff) = %v %#x %v", d, off, ok)
	}
	for _, addr := range []uint64{0, 0x2f7, 0x300, 0x3f7, 0x400, math.MaxUint64} {
		if _, _, ok := b.Lookup(addr); ok {
			t.Errorf("Lookup(%#x) found a device", addr)
		}
	}
	want := []Range{{"com2", 0x2f8, 0x2ff}, {"com1", 0x3f8, 0x3ff}}
	if got := b.Ranges(); !slices.Equal(got, want) {
		t.Errorf("Ranges = %v, want %v", got, want)
	}
}

func TestBusRefusesBadRanges(t *testing.T) {
	for _, c := range []struct {
		base, size uint64
		want       error
	}{
		{0x10, 0, ErrRange},
		{math.MaxUint64, 2, ErrRange},
		{1, math.MaxUint64, nil},
		{0, math.MaxUint64, ErrOverlap},
		{0x100, 8, ErrOverlap},
		{0x107, 1, ErrOverlap},
		{0xff, 2, ErrOverlap},
		{0xff, 100, ErrOverlap},
		{0x102, 2, ErrOverlap},
		{0xf8, 8, nil},
		{0x108, 1, nil},
		{math.MaxUint64, 1, nil},
	} {
		var b Bus
		if c.base != 1 {
			add(t, &b, "first", 0x100, 8, &ram{})
		}
		err := b.Add("second", c.base, c.size, &ram{})
		if !errors.Is(err, c.want) {
			t.Errorf("Add(%#x, %#x) = %v, want %v", c.base, c.size, err, c.want)
		}
		if errors.Is(c.want, ErrOverlap) && (!strings.Contains(err.Error(), "first") || !strings.Contains(err.Error(), "second")) {
			t.Errorf("%q does not name both devices", err)
		}
		if c.want != nil && len(b.Ranges()) != 1 {
			t.Errorf("a refused Add(%#x, %#x) changed the bus: %v", c.base, c.size, b.Ranges())
		}
	}
	if err := new(Bus).Add("none", 0, 1, nil); err == nil {
		t.Error("a nil device was added")
	}
}

func TestBusDividesStraddlingAccesses(t *testing.T) {
	var b Bus
	var low, high ram
	add(t, &b, "low", 0x10, 4, &low)
	add(t, &b, "high", 0x16, 2, &high)
	var seen []Unclaimed
	b.OnUnclaimed(func(u Unclaimed) { seen = append(seen, u) })

	b.Write(0x0e, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	got := make([]byte, 12)
	b.Read(0x0e, got)
	if want := []byte{0xff, 0xff, 3, 4, 5, 6, 0xff, 0xff, 9, 10, 0xff, 0xff}; !bytes.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
	want := []Unclaimed{
		{0x0e, 2, true, 0x0201}, {0x14, 2, true, 0x0807}, {0x18, 2, true, 0x0c0b},
		{0x0e, 2, false, 0xffff}, {0x14, 2, false, 0xffff}, {0x18, 2, false, 0xffff},
	}
	if !slices.Equal(seen, want) {
		t.Errorf("unclaimed %v, want %v", seen, want)
	}
	if r, w := b.UnclaimedCount(); r != 3 || w != 3 {
		t.Errorf("UnclaimedCount = %d, %d; want 3, 3", r, w)
	}
	b.OnUnclaimed(nil)
	b.Read(0, got[:1])
	if len(seen) != len(want) {
		t.Error("the callback ran after it was taken away")
	}
}

func TestBusDoesNotWrapAround(t *testing.T) {
	var b Bus
	var first, last ram
	add(t, &b, "first", 0, 4, &first)
	add(t, &b, "last", math.MaxUint64-1, 2, &last)
	b.Write(math.MaxUint64-1, []byte{1, 2, 3, 4})
	if first.bytes[0] != 0 || last.bytes[1] != 2 {
		t.Errorf("first %v last %v", first.bytes[:2], last.bytes[:2])
	}
	got := make([]byte, 4)
	b.Read(math.MaxUint64-1, got)
	if want := []byte{1, 2, 0xff, 0xff}; !bytes.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
	b.Read(5, nil)
	b.Write(5, nil)
}

func TestBusWithoutDevices(t *testing.T) {
	var b Bus
	p := []byte{0, 0, 0}
	b.Read(0x80, p)
	if !bytes.Equal(p, []byte{0xff, 0xff, 0xff}) {
		t.Errorf("read %v", p)
	}
	b.Write(math.MaxUint64, p)
	if r, w := b.UnclaimedCount(); r != 1 || w != 1 {
		t.Errorf("UnclaimedCount = %d, %d", r, w)
	}
}

// Accesses go on while devices are added, and see each device whole or not.
func TestBusConcurrentAdd(t *testing.T) {
	var b Bus
	var d ram
	add(t, &b, "ram", 0x1000, 16, &d)
	b.OnUnclaimed(func(Unclaimed) {})
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			p := make([]byte, 8)
			for {
				select {
				case <-stop:
					return
				default:
				}
				b.Write(0x1008, []byte{9})
				if b.Read(0x1008, p[:1]); p[0] != 9 {
					t.Error("lost sight of a device")
					return
				}
				b.Read(0x1ffc, p)
			}
		})
	}
	for i := range 200 {
		add(t, &b, fmt.Sprint("d", i), uint64(0x2000+i*4), 4, &ram{})
	}
	close(stop)
	wg.Wait()
}

func TestBusDispatchAllocatesNothing(t *testing.T) {
	var b Bus
	for i := range 20 {
		add(t, &b, fmt.Sprint("d", i), uint64(i*0x100), 8, &ram{})
	}
	p := make([]byte, 4)
	n := testing.AllocsPerRun(1000, func() {
		b.Write(0x300, p)
		b.Read(0x306, p)
		b.Read(0x5000, p)
		b.Lookup(0x700)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkBusRead(b *testing.B) {
	var bus Bus
	for i := range 12 {
		add(b, &bus, fmt.Sprint("d", i), uint64(i*0x100), 8, Ignore{})
	}
	p := make([]byte, 1)
	for b.Loop() {
		bus.Read(0x300, p)
	}
}

func FuzzBus(f *testing.F) {
	f.Add([]byte{0, 4, 2, 8, 200, 3})
	f.Fuzz(func(t *testing.T, in []byte) {
		var b Bus
		var model [512]*ram // who holds each of the low addresses
		for len(in) >= 3 {
			base, size, n := uint64(in[0]), uint64(in[1]), int(in[2]%16)
			in = in[3:]
			free := size > 0
			for a := base; a < base+size; a++ {
				free = free && model[a] == nil
			}
			d := &ram{}
			if err := b.Add("d", base, size, d); (err == nil) != free {
				t.Fatalf("Add(%d, %d) = %v, free %v", base, size, err, free)
			}
			for a := base; free && a < base+size; a++ {
				model[a] = d
			}
			p := make([]byte, n)
			b.Read(base, p)
			for i := range p {
				if (p[i] == 0xff) != (model[base+uint64(i)] == nil) {
					t.Fatalf("byte %d of a read at %d is %#x", i, base, p[i])
				}
			}
			b.Write(base, p)
			clear(p)
			b.Write(base, p)
		}
	})
}
