package kvm

import (
	"slices"
	"testing"

	"linuxkvm/uapi"
)

// Ports are amd64's alone.
func TestCoalescedPortWrites(t *testing.T) {
	vm, v, _ := newGuest(t,
		0xb0, 0x34, // again: mov al, 0x34
		0xe6, 0x80, // out 0x80, al
		0xf4,       // hlt
		0xeb, 0xf9, // jmp again
	)
	coalesce(t, vm, portZone)
	seq, err := v.CoalescedRing()
	must(t, err)
	want := []CoalescedWrite{{Addr: 0x80, Len: 1, PIO: true, Data: [8]byte{0x34}}}
	runUntil(t, v, uapi.ExitHLT)
	if got := known8(slices.Collect(seq)); !slices.Equal(got, want) {
		t.Fatalf("%+v, want %+v", got, want)
	}
	must(t, vm.UnregisterCoalescedMMIO(portZone))
	runUntil(t, v, uapi.ExitIO)
	if got := slices.Collect(seq); len(got) != 0 {
		t.Errorf("what exits is in the ring too: %+v", got)
	}
}
