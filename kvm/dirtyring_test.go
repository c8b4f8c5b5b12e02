//go:build amd64 || arm64 || riscv64 || loong64

package kvm

import (
	"errors"
	"iter"
	"slices"
	"testing"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// fakeRing gives a fake vCPU a ring of one page that the test fills instead of
// KVM.
func fakeRing(t *testing.T) (*VCPU, []uapi.DirtyGFN) {
	t.Helper()
	c := fakeVCPU(t)
	m, err := sys.MapAnonymous(uintptr(sys.PageSize()))
	must(t, err)
	t.Cleanup(m.Destroy)
	c.ring = &dirtyRing{mapping: m, entries: dirtyEntries(m), rings: &dirtyRings{}}
	return &VCPU{core: c}, c.ring.entries
}

func dirtySeq(t *testing.T, v *VCPU) iter.Seq[DirtyPage] {
	t.Helper()
	seq, err := v.DirtyRing()
	must(t, err)
	return seq
}

func dirty(slot uint32, offset uint64) uapi.DirtyGFN {
	return uapi.DirtyGFN{Flags: uapi.DirtyGFNFDirty, Slot: slot, Offset: offset}
}

func TestDirtyRingIsTakenInOrderAndMarked(t *testing.T) {
	v, ring := fakeRing(t)
	seq := dirtySeq(t, v)
	if got := slices.Collect(seq); len(got) != 0 {
		t.Errorf("an empty ring has %v", got)
	}
	ring[0], ring[1], ring[2], ring[4] = dirty(1<<16|2, 3), dirty(4, 1<<52-1), dirty(6, 7), dirty(8, 9)
	for p := range seq {
		if p != (DirtyPage{Slot: 1<<16 | 2, Offset: 3}) {
			t.Errorf("the first is %+v", p)
		}
		break // the next one goes on after it
	}
	// Entry 3 is not dirty, so that 4 is not looked at.
	if got := slices.Collect(seq); !slices.Equal(got, []DirtyPage{{4, 1<<52 - 1}, {6, 7}}) {
		t.Errorf("then come %v", got)
	}
	for i, want := range []uint32{uapi.DirtyGFNFReset, uapi.DirtyGFNFReset, uapi.DirtyGFNFReset, 0, uapi.DirtyGFNFDirty} {
		if ring[i].Flags != want {
			t.Errorf("entry %d has flags %#x, want %#x", i, ring[i].Flags, want)
		}
	}
	if n := v.core.ring.rings.collected.Load(); n != 3 {
		t.Errorf("%d entries count as collected, want 3", n)
	}
	ring[3] = dirty(1, 1)
	ring[3].Flags |= uapi.DirtyGFNFReset // marked already
	if got := slices.Collect(seq); len(got) != 0 {
		t.Errorf("an entry that waits for its reset is taken again: %v", got)
	}
}

func TestDirtyRingGoesAround(t *testing.T) {
	v, ring := fakeRing(t)
	seq := dirtySeq(t, v)
	n := len(ring)
	for round := range 3 {
		for i := range ring {
			ring[i] = dirty(0, uint64(round*n+i))
		}
		got := slices.Collect(seq)
		if len(got) != n || got[0].Offset != uint64(round*n) || got[n-1].Offset != uint64(round*n+n-1) {
			t.Errorf("round %d: %d pages", round, len(got))
		}
	}
	// KVM that fills entries as fast as they are taken does not make it endless.
	count := 0
	ring[0] = dirty(0, 0)
	for range seq {
		count++
		ring[count%n] = dirty(0, 0)
		if count > n {
			t.Fatal("no end")
		}
	}
}

func TestDirtyRingEndsAtClose(t *testing.T) {
	v, ring := fakeRing(t)
	for i := range ring {
		ring[i] = dirty(0, 0)
	}
	seq, count := dirtySeq(t, v), 0
	for range seq {
		count++
		must(t, v.Close())
	}
	if count != 1 || len(slices.Collect(seq)) != 0 {
		t.Errorf("%d pages came after Close", count-1)
	}
	_, err := v.DirtyRing()
	wantError(t, err, ErrClosed)
}

// KVM resets fewer than it could when there is a signal.
func TestResetIsRepeated(t *testing.T) {
	answers := func(list ...int) (func() (int, error), *int) {
		calls := 0
		return func() (int, error) {
			calls++
			if calls > len(list) {
				return 0, nil
			}
			return list[calls-1], nil
		}, &calls
	}
	for _, tc := range []struct {
		collected, total, calls int
		answers                 []int
	}{
		{0, 0, 1, nil},
		{5, 5, 1, []int{5}},
		{5, 5, 4, []int{2, 0, 1, 2}},
		{5, 7, 1, []int{7}}, // others went on collecting
		{-1, 0, 1, nil},     // and count later than they mark
	} {
		var d dirtyRings
		d.collected.Store(int64(tc.collected))
		call, calls := answers(tc.answers...)
		n, err := d.resetAll(call)
		if n != tc.total || err != nil || *calls != tc.calls || d.collected.Load() != int64(tc.collected-tc.total) {
			t.Errorf("%+v: reset %d in %d calls, %v", tc, n, *calls, err)
		}
	}
	var d dirtyRings
	d.collected.Store(3)
	call, _ := answers(1)
	if n, err := d.resetAll(call); n != 1 || err == nil {
		t.Errorf("a KVM that never resets the rest: %d, %v", n, err)
	}
	broken := errors.New("broken")
	if n, err := d.resetAll(func() (int, error) { return 0, broken }); n != 0 || !errors.Is(err, broken) {
		t.Errorf("a KVM that fails: %d, %v", n, err)
	}
}
