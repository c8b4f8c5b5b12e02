//go:build !s390x

package kvm

import (
	"math"
	"slices"
	"testing"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// fakeCoalesced is the ring in the last page of a fake vCPU's run area, which the
// test fills instead of KVM.
func fakeCoalesced(t *testing.T) (*vcpuCore, coalescedRing) {
	t.Helper()
	c := fakeVCPU(t)
	ring, err := newCoalescedRing(c.area, 2)
	must(t, err)
	return c, ring
}

func (r coalescedRing) all() (list []CoalescedWrite) {
	for {
		w, ok := r.take()
		if !ok {
			return list
		}
		list = append(list, w)
	}
}

func TestCoalescedRingGoesAround(t *testing.T) {
	c, ring := fakeCoalesced(t)
	n := len(ring.entries)
	if want := (sys.PageSize() - 8) / 24; n != want {
		t.Fatalf("%d entries in a page, want %d", n, want)
	}
	if end := c.area[len(c.area)-sys.PageSize():]; len(end) != sys.PageSize() {
		t.Fatal("no last page")
	}
	if got := ring.all(); len(got) != 0 {
		t.Errorf("an empty ring has %v", got)
	}
	for at := range n {
		*ring.first, *ring.last = uint32(at), uint32((at+2)%n)
		ring.entries[at] = uapi.CoalescedMMIO{PhysAddr: math.MaxUint64, Len: 4, Data: [8]byte{1, 1, 1, 1}}
		ring.entries[(at+1)%n] = uapi.CoalescedMMIO{PhysAddr: 0x80, Len: 1, PIO: 1, Data: [8]byte{7}}
		got := ring.all()
		want := []CoalescedWrite{
			{Addr: math.MaxUint64, Len: 4, Data: [8]byte{1, 1, 1, 1}},
			{Addr: 0x80, Len: 1, PIO: true, Data: [8]byte{7}},
		}
		if !slices.Equal(got, want) || *ring.first != *ring.last {
			t.Fatalf("entries %d and the next: %v; first %d, last %d", at, got, *ring.first, *ring.last)
		}
		if got[0].Uint64() != 0x01010101 || got[1].Uint64() != 7 {
			t.Errorf("numbers %#x and %#x", got[0].Uint64(), got[1].Uint64())
		}
	}
}

// What is not of a ring is not followed.
func TestCoalescedRingWithBadIndexes(t *testing.T) {
	c, ring := fakeCoalesced(t)
	n := uint32(len(ring.entries))
	for _, bad := range [][2]uint32{{0, n}, {n, 0}, {n, n}, {math.MaxUint32, 1}, {1, math.MaxUint32}, {1 << 31, 1 << 31}} {
		*ring.first, *ring.last = bad[0], bad[1]
		if got := ring.all(); len(got) != 0 || *ring.first != bad[0] {
			t.Errorf("from %d to %d: %d writes, then first is %d", bad[0], bad[1], len(got), *ring.first)
		}
		_, err := newCoalescedRing(c.area, 2)
		wantError(t, err, ErrInvalid, "coalesced ring")
	}
	*ring.first, *ring.last = 0, 2
	ring.entries[0].Len, ring.entries[1].Len = math.MaxUint32, 9
	for _, w := range ring.all() {
		if w.Len != 8 {
			t.Errorf("a write of %d bytes", w.Len)
		}
		_ = w.Uint64()
	}
	for _, page := range []int{-1, 0, 3, math.MaxInt, math.MinInt} {
		_, err := newCoalescedRing(c.area, page)
		wantError(t, err, ErrInvalid, "page")
	}
	if v := (CoalescedWrite{Len: math.MaxInt}).Uint64() + (CoalescedWrite{Len: -1}).Uint64(); v != 0 {
		t.Errorf("writes of lengths that there are not read %#x", v)
	}
}

func FuzzCoalescedRing(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 2, 0, 0, 0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, page []byte) {
		area := make([]byte, 2*sys.PageSize())
		copy(area[sys.PageSize():], page)
		ring, err := newCoalescedRing(area, 1)
		if err != nil {
			return
		}
		if got := ring.all(); len(got) >= len(ring.entries) {
			t.Errorf("%d writes in a ring for %d", len(got), len(ring.entries)-1)
		}
	})
}
