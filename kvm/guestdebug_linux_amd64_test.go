package kvm

import (
	"os"
	"testing"

	"linuxkvm/uapi"
)

// nops are four instructions of one byte, and a HLT.
var nops = []byte{0x90, 0x90, 0x90, 0x90, 0xf4}

func TestSingleStep(t *testing.T) {
	vm, v, _ := newGuest(t, nops...)
	needCap(t, vm, uapi.CapSetGuestDebug, "2.6.30")
	must(t, v.SetDebug(Debug{SingleStep: true}))
	for want := uint64(guestBase + 1); want <= guestBase+3; want++ {
		runUntil(t, v, uapi.ExitDebug)
		regs, err := v.Regs()
		must(t, err)
		if regs.RIP != want {
			t.Fatalf("stepped to %#x, want %#x", regs.RIP, want)
		}
	}
	must(t, v.SetDebug(Debug{}))
	runUntil(t, v, uapi.ExitHLT)
}

// needBreakpoints skips a test in the rig: the processor that QEMU emulates
// neither watches addresses for a guest nor intercepts its INT3.
func needBreakpoints(t *testing.T) {
	t.Helper()
	if lane := os.Getenv("KVM_TEST_LANE"); lane != "" {
		t.Skipf("needs breakpoints in a guest, which QEMU's emulation of SVM leaves out (lane %s): run it on a machine with virtualization", lane)
	}
}

func TestHardwareBreakpoint(t *testing.T) {
	needBreakpoints(t)
	vm, v, _ := newGuest(t, nops...)
	needCap(t, vm, uapi.CapSetGuestDebug, "2.6.30")
	must(t, v.SetDebug(Debug{Breakpoints: []Breakpoint{{Addr: 0x9999}, {Addr: guestBase + 2}}}))
	runUntil(t, v, uapi.ExitDebug)
	regs, err := v.Regs()
	must(t, err)
	if regs.RIP != guestBase+2 {
		t.Errorf("stopped at %#x, want %#x", regs.RIP, guestBase+2)
	}
}

func TestSoftwareBreakpoint(t *testing.T) {
	needBreakpoints(t)
	needProcessor(t)
	vm, v, _ := newGuest(t, 0x90, 0xcc, 0xf4)
	needCap(t, vm, uapi.CapSetGuestDebug, "2.6.30")
	must(t, v.SetDebug(Debug{Software: true}))
	runUntil(t, v, uapi.ExitDebug)
	regs, err := v.Regs()
	must(t, err)
	if regs.RIP != guestBase+1 {
		t.Errorf("stopped at %#x, want %#x", regs.RIP, guestBase+1)
	}
}

func TestDebugArguments(t *testing.T) {
	d := Debug{Breakpoints: []Breakpoint{
		{Addr: 0x1000}, {Addr: 0x2000, Watch: WatchWrite, Len: 4},
		{Addr: 0x3000, Watch: WatchReadWrite, Len: 8}, {Addr: 0x4000, Len: 1},
	}}
	arg, err := d.arg()
	must(t, err)
	const want = 0xaa | 1<<20 | 3<<22 | 3<<24 | 2<<26
	if arg.Arch.DebugReg[7] != want || arg.Arch.DebugReg[2] != 0x3000 {
		t.Errorf("DR7 %#x, want %#x; DR2 %#x", arg.Arch.DebugReg[7], want, arg.Arch.DebugReg[2])
	}
	v := newTestVCPU(t, newTestVM(t))
	for _, bad := range []Debug{
		{Breakpoints: make([]Breakpoint, 5)},
		{Breakpoints: []Breakpoint{{Len: 3}}},
		{Breakpoints: []Breakpoint{{Len: -1}}},
		{Breakpoints: []Breakpoint{{Watch: WatchExecution, Len: 4}}},
		{Breakpoints: []Breakpoint{{Watch: 2}}},
		{Breakpoints: []Breakpoint{{Watch: 200}}},
	} {
		wantError(t, v.SetDebug(bad), ErrInvalid)
	}
	wantError(t, v.SetGuestDebug(nil), ErrInvalid)
}
