package kvm

import (
	"testing"

	"linuxkvm/uapi"
)

const sbiTime = 0x54494d45

// A guest that waits for its clock. On a busy machine the rig's KVM now and then
// loses the time it was told: one of some guests has to be woken by it.
func TestRISCVTimerWakesTheGuest(t *testing.T) {
	for range 4 {
		if wokenByTimer(t) {
			return
		}
		t.Log("the guest's wait was ended by something else")
	}
	t.Error("no guest was woken by its timer")
}

// wokenByTimer reports whether the guest went on with its timer's interrupt pending. A
// kick ends its wait too, and any signal to the vCPU's thread.
func wokenByTimer(t *testing.T) bool {
	t.Helper()
	const timer = 1 << 5
	_, v, _ := riscvGuest(t,
		setX(xA0, timer), csrrs(xZero, csrSIE, xA0),
		setX(xA7, sbiTime), setX(xA6, 0), csrrs(xA0, csrTime, xZero), addi(xA0, xA0, 2000), insnECALL,
		insnWFI,
		csrrs(xA2, csrTime, xZero), csrrs(xA3, csrSIP, xZero),
		riscvEnd())
	must(t, SetOneReg(v, uapi.RegRISCVTimerTime, 1<<33))
	exit, err := runFor(v, runLimit/4)
	if err != nil {
		exit = riscvRun(t, v, uapi.ExitMMIO)
	}
	if !isDone(exit) {
		t.Fatalf("exit reason %v; %s", exit.Reason(), riscvState(v))
	}
	if err != nil || oneReg(t, v, uapi.RegRISCVCoreA3)&timer == 0 {
		return false
	}
	if now := oneReg(t, v, uapi.RegRISCVCoreA2); now < 1<<33+2000 {
		t.Errorf("the guest went on at %d, before its time of at least %d", now, 1<<33+2000)
	}
	return true
}

// What the registers and the memory of a guest hold is all of it: it goes on in
// another VM.
func TestRISCVGuestMoves(t *testing.T) {
	code := []any{
		setX(xA0, 0x20000), addi(xA1, xA1, 1), store(8, xA1, xA0, 0), jump(-8),
	}
	_, v, r := riscvGuest(t, code...)
	count := func(v *VCPU) uint64 { return riscvRun(t, v, uapi.ExitMMIO).MMIO().Data().Uint64() }
	for want := range uint64(5) {
		if got := count(v); got != want+1 {
			t.Fatalf("the guest says %d, want %d", got, want+1)
		}
	}
	// The store is complete when the vCPU is entered once more.
	must(t, v.Kick())
	if e, err := v.Run(); err != nil || !e.Kicked() {
		t.Fatalf("Run = %v, %v", e.Reason(), err)
	}
	must(t, SetOneReg(v, uapi.RegRISCVFPDF7, 0x7777))
	list, err := v.RegList()
	must(t, err)
	vm, there := riscvVM(t)
	other := newTestVCPU(t, vm)
	for _, id := range list {
		// "Off" is an order to cancel a timer, and there is none to cancel.
		if id == uapi.RegRISCVTimerState.Reg() {
			continue
		}
		buf := make([]byte, id.Size())
		must(t, v.OneReg(uint64(id), buf))
		if err := other.SetOneReg(uint64(id), buf); err != nil {
			t.Errorf("%v = % x: %v", id, buf, err)
		}
	}
	ram := make([]byte, r.Size())
	_, err = r.ReadAt(ram, 0)
	must(t, err)
	_, err = there.WriteAt(ram, 0)
	must(t, err)
	for want := range uint64(3) {
		if got := count(other); got != want+6 {
			t.Errorf("the guest that moved says %d, want %d", got, want+6)
		}
	}
	if f7 := oneReg(t, other, uapi.RegRISCVFPDF7); f7 != 0x7777 {
		t.Errorf("F7 = %#x, want 0x7777", f7)
	}
}
