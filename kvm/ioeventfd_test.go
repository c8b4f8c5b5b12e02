//go:build !s390x

package kvm

import (
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

// Writes that match count and do not leave the guest; those that do not match
// leave it.
func TestIOEventfdMMIO(t *testing.T) {
	vm, v, _ := newProgram(t, programDevice)
	needCap(t, vm, uapi.CapIoeventfd, "2.6.32")
	matches, other, every := newTestEventFD(t), newTestEventFD(t), newTestEventFD(t)
	byteWrite, halfWrite := deviceWrites[0], deviceWrites[1]
	at := IOEvent{Addr: byteWrite.Addr, Len: 1, Match: true, Datamatch: uint64(byteWrite.Data[0])}
	must(t, vm.IOEventfd(matches, at))
	wantError(t, vm.IOEventfd(matches, at), syscall.EEXIST, "KVM_IOEVENTFD")
	must(t, vm.IOEventfd(other, IOEvent{Addr: byteWrite.Addr, Len: 1, Match: true, Datamatch: 0x99}))
	must(t, vm.IOEventfd(every, IOEvent{Addr: halfWrite.Addr, Len: 2}))
	for range 3 {
		runDone(t, v)
	}
	for e, want := range map[*EventFD]uint64{matches: 3, other: 0, every: 3} {
		if n, err := e.Take(); n != want || err != nil {
			t.Errorf("count %d, %v; want %d", n, err, want)
		}
	}
	must(t, vm.DeassignIOEventfd(matches, at))
	wantError(t, vm.DeassignIOEventfd(matches, at), syscall.ENOENT)
	if x := runTo(t, v, uapi.ExitMMIO).MMIO(); x.GPA != byteWrite.Addr || !x.Write {
		t.Errorf("MMIO = %+v, want the write that nothing matches", x)
	}
	runDone(t, v)
	if n, err := every.Take(); n != 1 || err != nil {
		t.Errorf("count %d, %v; want 1", n, err)
	}
}

func TestIOEventfdRefusals(t *testing.T) {
	vm := newTestVM(t)
	e := newTestEventFD(t)
	for _, at := range []IOEvent{
		{Addr: 1<<64 - 1, Len: 8},
		{Addr: 0x60, PIO: true, Len: 3},
	} {
		wantError(t, vm.IOEventfd(e, at), syscall.EINVAL, "KVM_IOEVENTFD")
	}
	// A write of any length has no value to match.
	want := error(syscall.EINVAL)
	if n, err := vm.CheckExtension(uapi.CapIoeventfdNoLength); n == 0 && err == nil {
		want = ErrNotSupported
	}
	wantError(t, vm.IOEventfd(e, IOEvent{Addr: 0x1000, Len: 0, Match: true}), want)
	wantError(t, vm.IOEventfd(nil, IOEvent{Addr: 0x60, PIO: true, Len: 1}), ErrInvalid)
}
