package kvm

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"linuxkvm/uapi"
)

// ioWriter writes to the addresses 0x20010 and 0x20020 and to port 0x80, and halts,
// again and again.
var ioWriter = []byte{
	0xb8, 0x00, 0x20, // mov ax, 0x2000
	0x8e, 0xd8, // mov ds, ax
	0xb8, 0x34, 0x12, // again: mov ax, 0x1234
	0xa2, 0x10, 0x00, // mov [0x10], al
	0xa3, 0x20, 0x00, // mov [0x20], ax
	0xe6, 0x80, //       out 0x80, al
	0xf4,       //       hlt
	0xeb, 0xf2, //       jmp again
}

var ioWrites = []CoalescedWrite{
	{Addr: 0x20010, Len: 1, Data: [8]byte{0x34}},
	{Addr: 0x20020, Len: 2, Data: [8]byte{0x34, 0x12}},
	{Addr: 0x80, Len: 1, PIO: true, Data: [8]byte{0x34}},
}

// known8 forgets the bytes that were not written: what they hold is KVM's.
func known8(list []CoalescedWrite) []CoalescedWrite {
	for i := range list {
		clear(list[i].Data[list[i].Len:])
	}
	return list
}

func TestCoalescedWritesDoNotExit(t *testing.T) {
	vm, v, _ := newGuest(t, ioWriter...)
	coalesce(t, vm, mmioZone, portZone)
	seq, err := v.CoalescedRing()
	must(t, err)
	for round := range 100 { // the ring has room for 170
		runUntil(t, v, uapi.ExitHLT)
		if got := known8(slices.Collect(seq)); !slices.Equal(got, ioWrites) {
			t.Fatalf("round %d: %+v, want %+v", round, got, ioWrites)
		}
	}
	// Another vCPU shows the same ring.
	other := newTestVCPU(t, vm, 1)
	runUntil(t, v, uapi.ExitHLT)
	theirs, err := other.CoalescedRing()
	must(t, err)
	for w := range theirs {
		if w.Addr != ioWrites[0].Addr {
			t.Errorf("the other vCPU shows %+v first", w)
		}
		break
	}
	if got := known8(slices.Collect(seq)); !slices.Equal(got, ioWrites[1:]) {
		t.Errorf("after one is taken, the ring has %+v", got)
	}

	must(t, vm.UnregisterCoalescedMMIO(mmioZone))
	must(t, vm.UnregisterCoalescedMMIO(portZone))
	exit := runUntil(t, v, uapi.ExitMMIO)
	if x := exit.MMIO(); x.GPA != 0x20010 || !x.Write {
		t.Errorf("MMIO = %+v", x)
	}
	runUntil(t, v, uapi.ExitMMIO)
	runUntil(t, v, uapi.ExitIO)
	if got := slices.Collect(seq); len(got) != 0 {
		t.Errorf("what exits is in the ring too: %+v", got)
	}
}

// A full ring leaves the guest, and loses nothing.
func TestCoalescedRingFills(t *testing.T) {
	vm, v, _ := newGuest(t, ioWriter...)
	coalesce(t, vm, mmioZone, portZone)
	seq, err := v.CoalescedRing()
	must(t, err)
	halts := 0
	for {
		exit, err := v.Run()
		must(t, err)
		if exit.Reason() == uapi.ExitHLT {
			halts++
		} else if exit.Reason() != uapi.ExitIntr {
			break // a write that found no room
		}
	}
	got := known8(slices.Collect(seq))
	if len(got) < 3*halts || len(got) > 3*halts+2 || halts < 10 {
		t.Errorf("%d halts and %d writes", halts, len(got))
	}
	for i, w := range got {
		if w != ioWrites[i%3] {
			t.Fatalf("write %d is %+v, want %+v", i, w, ioWrites[i%3])
		}
	}
}

func TestCoalescedRingCloseWhileTaking(t *testing.T) {
	for range scale(t, 200, 20) {
		vm, v, _ := newGuest(t, ioWriter...)
		coalesce(t, vm, mmioZone, portZone)
		runUntil(t, v, uapi.ExitHLT)
		seq, err := v.CoalescedRing()
		must(t, err)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for {
					_ = slices.Collect(seq)
					if _, err := v.CoalescedRing(); errors.Is(err, ErrClosed) {
						return
					}
				}
			})
		}
		must(t, v.Close())
		wg.Wait()
		must(t, vm.Close())
	}
}
