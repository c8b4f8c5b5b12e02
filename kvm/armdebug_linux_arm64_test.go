package kvm

import (
	"testing"

	"linuxkvm/uapi"
)

// Classes of exceptions, in the upper bits of a syndrome, that come from the guest.
const (
	classBreakpoint = 0x30
	classStep       = 0x32
	classWatchpoint = 0x34
	classBRK        = 0x3c
)

// armStops runs the vCPU to a debug exit and wants its class and place.
func armStops(t *testing.T, v *VCPU, class uint32, pc uint64) DebugExit {
	t.Helper()
	x := armRun(t, v, uapi.ExitDebug).Debug()
	if got := oneReg(t, v, uapi.RegArmCorePC); x.Arch.HSR>>26 != class || got != pc {
		t.Errorf("stopped by class %#x at %#x, want %#x at %#x", x.Arch.HSR>>26, got, class, pc)
	}
	return x
}

func TestArmSingleStep(t *testing.T) {
	vm, v, _ := newArmGuest(t, insnNOP, insnNOP, insnNOP, armDone())
	needCap(t, vm, uapi.CapSetGuestDebug, "4.2")
	must(t, v.SetDebug(Debug{SingleStep: true}))
	for pc := uint64(guestBase + 4); pc <= guestBase+12; pc += 4 {
		armStops(t, v, classStep, pc)
	}
	must(t, v.SetDebug(Debug{}))
	armFinish(t, v)
}

func TestArmSoftwareBreakpoint(t *testing.T) {
	_, v, _ := newArmGuest(t, insnNOP, insnBRK, armDone())
	must(t, v.SetDebug(Debug{Software: true}))
	armStops(t, v, classBRK, guestBase+4)
	must(t, SetOneReg(v, uapi.RegArmCorePC, guestBase+8))
	armFinish(t, v)
}

func TestArmHardwareBreakpoint(t *testing.T) {
	vm, v, _ := newArmGuest(t, insnNOP, insnNOP, insnNOP, armDone())
	needCap(t, vm, uapi.CapGuestDebugHWBPs, "4.2")
	must(t, v.SetDebug(Debug{Breakpoints: []uint64{0x9990, guestBase + 8}}))
	armStops(t, v, classBreakpoint, guestBase+8)
	must(t, v.SetDebug(Debug{}))
	armFinish(t, v)
}

func TestArmWatchpoint(t *testing.T) {
	const watched = 0x3004
	vm, v, _ := newArmGuest(t, setX(0, 0x3000), store(4, 1, 0, 0), load(4, 1, 0, 4), store(4, 1, 0, 4), armDone())
	needCap(t, vm, uapi.CapGuestDebugHWWPs, "4.2")
	must(t, v.SetDebug(Debug{Watchpoints: []Watchpoint{{Addr: watched, Len: 4, Store: true}}}))
	// One instruction sets X0, the others are a store beside it, a load and the store.
	if x := armStops(t, v, classWatchpoint, guestBase+12); x.Arch.FAR != watched {
		t.Errorf("the watched access was to %#x, want %#x", x.Arch.FAR, watched)
	}
	must(t, v.SetDebug(Debug{}))
	armFinish(t, v)
}
