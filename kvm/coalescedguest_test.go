//go:build !s390x

package kvm

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"linuxkvm/uapi"
)

// deviceWrites are what programDevice writes.
var deviceWrites = []CoalescedWrite{
	{Addr: 0x20010, Len: 1, Data: [8]byte{0x34}},
	{Addr: 0x20020, Len: 2, Data: [8]byte{0x34, 0x12}},
}

// known8 forgets the bytes that were not written: what they hold is KVM's.
func known8(list []CoalescedWrite) []CoalescedWrite {
	for i := range list {
		clear(list[i].Data[list[i].Len:])
	}
	return list
}

// KVM takes zones that overlap: a write is in the ring once, and taking one of them
// away takes all that it lies in.
func TestCoalescedZonesOverlap(t *testing.T) {
	vm, v, _ := newProgram(t, programDevice)
	part := CoalescedZone{Addr: deviceWrites[1].Addr, Size: 4}
	coalesce(t, vm, mmioZone)
	must(t, vm.RegisterCoalescedMMIO(part))
	must(t, vm.RegisterCoalescedMMIO(mmioZone))
	seq, err := v.CoalescedRing()
	must(t, err)
	runDone(t, v)
	if got := known8(slices.Collect(seq)); !slices.Equal(got, deviceWrites) {
		t.Errorf("%+v, want %+v", got, deviceWrites)
	}
	must(t, vm.UnregisterCoalescedMMIO(part))
	if x := runTo(t, v, uapi.ExitMMIO).MMIO(); x.GPA != deviceWrites[0].Addr {
		t.Errorf("MMIO = %+v, want a write to %#x", x, deviceWrites[0].Addr)
	}
}

func TestCoalescedWritesDoNotExit(t *testing.T) {
	vm, v, _ := newProgram(t, programDevice)
	coalesce(t, vm, mmioZone)
	seq, err := v.CoalescedRing()
	must(t, err)
	for round := range 100 { // the ring has room for 170
		runDone(t, v)
		if got := known8(slices.Collect(seq)); !slices.Equal(got, deviceWrites) {
			t.Fatalf("round %d: %+v, want %+v", round, got, deviceWrites)
		}
	}
	// Another vCPU shows the same ring.
	other := newTestVCPU(t, vm, 1)
	runDone(t, v)
	theirs, err := other.CoalescedRing()
	must(t, err)
	for w := range theirs {
		if w.Addr != deviceWrites[0].Addr {
			t.Errorf("the other vCPU shows %+v first", w)
		}
		break
	}
	if got := known8(slices.Collect(seq)); !slices.Equal(got, deviceWrites[1:]) {
		t.Errorf("after one is taken, the ring has %+v", got)
	}

	must(t, vm.UnregisterCoalescedMMIO(mmioZone))
	for _, want := range deviceWrites {
		if x := runTo(t, v, uapi.ExitMMIO).MMIO(); x.GPA != want.Addr || !x.Write {
			t.Errorf("MMIO = %+v, want a write to %#x", x, want.Addr)
		}
	}
	if got := slices.Collect(seq); len(got) != 0 {
		t.Errorf("what exits is in the ring too: %+v", got)
	}
}

// A full ring leaves the guest, and loses nothing.
func TestCoalescedRingFills(t *testing.T) {
	vm, v, _ := newProgram(t, programDevice)
	coalesce(t, vm, mmioZone)
	seq, err := v.CoalescedRing()
	must(t, err)
	done := 0
	for {
		exit, err := v.Run()
		must(t, err)
		if isDone(exit) {
			done++
		} else if exit.Reason() != uapi.ExitIntr {
			break // a write that found no room
		}
	}
	got := known8(slices.Collect(seq))
	if len(got) < 2*done || len(got) > 2*done+1 || done < 10 {
		t.Errorf("done %d times, and %d writes", done, len(got))
	}
	for i, w := range got {
		if w != deviceWrites[i%2] {
			t.Fatalf("write %d is %+v, want %+v", i, w, deviceWrites[i%2])
		}
	}
}

func TestCoalescedRingCloseWhileTaking(t *testing.T) {
	for range scale(t, 200, 20) {
		vm, v, _ := newProgram(t, programDevice)
		coalesce(t, vm, mmioZone)
		runDone(t, v)
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
