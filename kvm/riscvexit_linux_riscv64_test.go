package kvm

import (
	"errors"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

// The extensions of the Supervisor Binary Interface, and their functions, by the
// numbers of its specification.
const (
	sbiPutchar      = 0x01
	sbiBase         = 0x10
	sbiSRST         = 0x53525354
	sbiHSM          = 0x48534d
	sbiDBCN         = 0x4442434e
	sbiExperimental = 0x08000123
	sbiVendor       = 0x09000456

	sbiSuccess      = 0
	sbiNotSupported = -2
	sbiDenied       = -4
)

func TestRISCVMMIO(t *testing.T) {
	const device = 0x20000
	_, v, _ := riscvGuest(t,
		setX(xA0, device), setX(xA1, 0x11223344),
		store(1, xA1, xA0, 0x10), store(2, xA1, xA0, 0x20), store(4, xA1, xA0, 0x30), store(8, xA1, xA0, 0x40),
		load(1, xA2, xA0, 0x50), load(2, xA3, xA0, 0x60), load(4, xA5, xA0, 0x70), load(8, xA6, xA0, 0x78),
		riscvEnd())
	for _, want := range []struct {
		gpa, v uint64
		n      int
	}{{0x20010, 0x44, 1}, {0x20020, 0x3344, 2}, {0x20030, 0x11223344, 4}, {0x20040, 0x11223344, 8}} {
		x := riscvRun(t, v, uapi.ExitMMIO).MMIO()
		if !x.Write || x.GPA != want.gpa || x.Data().Len() != want.n || x.Data().Uint64() != want.v {
			t.Errorf("MMIO = %+v with %d bytes, %#x; want %+v", x, x.Data().Len(), x.Data().Uint64(), want)
		}
	}
	for i, gpa := range []uint64{0x20050, 0x20060, 0x20070, 0x20078} {
		x := riscvRun(t, v, uapi.ExitMMIO).MMIO()
		if x.Write || x.GPA != gpa || x.Data().Len() != 1<<i {
			t.Errorf("MMIO = %+v with %d bytes; want a read of %d at %#x", x, x.Data().Len(), 1<<i, gpa)
		}
		// No sign: kernels up to 6.12 and beyond do not extend it.
		x.Data().SetUint64(0x7172737475767778)
	}
	riscvFinish(t, v)
	for id, want := range map[uapi.RegID[uint64]]uint64{
		uapi.RegRISCVCoreA2: 0x78, uapi.RegRISCVCoreA3: 0x7778,
		uapi.RegRISCVCoreA5: 0x75767778, uapi.RegRISCVCoreA6: 0x7172737475767778,
	} {
		if got := oneReg(t, v, id); got != want {
			t.Errorf("the guest read %#x into %v, want %#x", got, id.Reg(), want)
		}
	}
}

// KVM_EXIT_RISCV_SBI: what KVM leaves of the firmware to the caller.
func TestRISCVSBIExit(t *testing.T) {
	vm, r := riscvVM(t,
		sbiCall(sbiExperimental, 7, 1, 2, 3, 4, 5), // function 7, and what A5 has from before
		sbiCall(sbiVendor, 8, 9),
		sbiCall(sbiDBCN, 2, 'B'), // one byte
		setX(xA3, 0x3000), store(8, xA0, xA3, 0), store(8, xA1, xA3, 8),
		sbiCall(sbiBase, 0), // the kernel's own
		setX(xA3, 0x3000), store(8, xA0, xA3, 16),
		riscvEnd())
	v := riscvVCPU(t, vm)
	must(t, SetOneReg(v, uapi.RegRISCVCoreA5, 66))
	for _, ext := range []uapi.RegID[uint64]{uapi.RegRISCVSBIExtExperimental, uapi.RegRISCVSBIExtVendor} {
		if on := oneReg(t, v, ext); on != 1 {
			t.Fatalf("%v = %d", ext.Reg(), on)
		}
	}
	// The debug console is there when it is asked for.
	if err := SetOneReg(v, uapi.RegRISCVSBIExtDbcn, 1); err != nil {
		needCap(t, vm, uapi.CapOneReg, "3.4")
		t.Skipf("needs KVM's SBI debug console, Linux 6.7 or newer (the rig has one: make test-lanes): %v", err)
	}
	x := riscvRun(t, v, uapi.ExitRISCVSBI).RISCVSBI()
	if x.ExtensionID != sbiExperimental || x.FunctionID != 7 || x.Args != [6]uint64{1, 2, 3, 4, 5, 66} {
		t.Errorf("RISCVSBI = %+v, want function 7 of %#x with 1 to 5 and 66", x, sbiExperimental)
	}
	old := x
	x = riscvRun(t, v, uapi.ExitRISCVSBI).RISCVSBI()
	if x.ExtensionID != sbiVendor || x.FunctionID != 8 || x.Args[0] != 9 {
		t.Errorf("RISCVSBI = %+v, want function 8 of %#x with 9", x, sbiVendor)
	}
	old.SetReturn(1, 2) // comes too late
	x.SetReturn(sbiSuccess, 0x33)
	x = riscvRun(t, v, uapi.ExitRISCVSBI).RISCVSBI()
	if x.ExtensionID != sbiDBCN || x.FunctionID != 2 || x.Args[0] != 'B' {
		t.Errorf("RISCVSBI = %+v, want a byte B for the debug console", x)
	}
	if x.Args[1] != 0x33 {
		t.Errorf("the guest got %#x for the call before, want 0x33", x.Args[1])
	}
	x.SetReturn(sbiDenied, 0x1234567890)
	riscvFinish(t, v)
	for at, want := range map[uint64]int64{0x3000: sbiDenied, 0x3008: 0x1234567890, 0x3010: sbiSuccess} {
		if got, err := r.LoadUint64(at); err != nil || int64(got) != want {
			t.Errorf("the guest has %d at %#x (%v), want %d", int64(got), at, err, want)
		}
	}
}

// The calls of the first SBI are left to the caller, or not there: the kernel's
// configuration says which.
func TestRISCVLegacySBI(t *testing.T) {
	_, v, _ := riscvGuest(t, sbiCall(sbiPutchar, 0, 'A'), riscvEnd())
	exit, err := runFor(v, runLimit)
	must(t, err)
	if exit.Reason() == uapi.ExitMMIO {
		if a0 := int64(oneReg(t, v, uapi.RegRISCVCoreA0)); a0 != sbiNotSupported {
			t.Errorf("putchar gave the guest %d, want %d", a0, sbiNotSupported)
		}
		t.Skip("needs a kernel with CONFIG_RISCV_SBI_V01, which Debian's are not, to see more than the refusal")
	}
	if x := exit.RISCVSBI(); x.ExtensionID != sbiPutchar || x.Args[0] != 'A' {
		t.Errorf("%v: %+v, want putchar of A", exit.Reason(), x)
	}
}

// What nobody answers is refused by KVM, and so is an extension that is off.
func TestRISCVSBINotSupported(t *testing.T) {
	vm, r := riscvVM(t,
		setX(xA3, 0x3000),
		sbiCall(sbiVendor, 0), store(8, xA0, xA3, 0),
		sbiCall(sbiExperimental, 0), store(8, xA0, xA3, 8),
		riscvEnd())
	v := riscvVCPU(t, vm)
	must(t, SetOneReg(v, uapi.RegRISCVSBIExtExperimental, 0))
	riscvRun(t, v, uapi.ExitRISCVSBI)
	riscvFinish(t, v)
	for _, at := range []uint64{0x3000, 0x3008} {
		if got, err := r.LoadUint64(at); err != nil || int64(got) != sbiNotSupported {
			t.Errorf("the guest has %d at %#x (%v), want %d", int64(got), at, err, sbiNotSupported)
		}
	}
	wantError(t, SetOneReg(v, uapi.RegRISCVSBIExtExperimental, 1), syscall.EBUSY)
}

// KVM_EXIT_SYSTEM_EVENT.
func TestRISCVSystemEvents(t *testing.T) {
	for _, c := range []struct {
		name string
		code []uint32
		kind uint32
		why  uint64
	}{
		{"shutdown", sbiCall(sbiSRST, 0, 0, 1), uapi.SystemEventShutdown, 1},
		{"cold reboot", sbiCall(sbiSRST, 0, 1, 0), uapi.SystemEventReset, 0},
		{"warm reboot", sbiCall(sbiSRST, 0, 2, 1), uapi.SystemEventReset, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, v, _ := riscvGuest(t, c.code)
			x := riscvRun(t, v, uapi.ExitSystemEvent).SystemEvent()
			if x.Type != c.kind || x.NData != 1 || x.Data[0] != c.why {
				t.Errorf("SystemEvent = %+v, want type %d and reason %d", x, c.kind, c.why)
			}
			// It stops every vCPU of the VM.
			if state, err := v.MPState(); err != nil || state != uapi.MPStateStopped {
				t.Errorf("MPState = %d, %v after the event", state, err)
			}
		})
	}
}

// KVM_EXIT_RISCV_CSR: a register of the interrupt controller, where there is one in
// the processor and none in the VM.
func TestRISCVCSRExit(t *testing.T) {
	vm, r := riscvVM(t,
		setX(xA0, 0x70), csrrw(xZero, csrSiselect, xA0), // eidelivery
		setX(xA1, 0x5a), csrrw(xA2, csrSireg, xA1),
		setX(xA1, 0x0f), csrrs(xA3, csrStopei, xA1),
		csrrc(xA5, csrStopei, xA1),
		setX(xA0, 0x3000), store(8, xA2, xA0, 0), store(8, xA3, xA0, 8), store(8, xA5, xA0, 16),
		riscvEnd())
	v := riscvVCPU(t, vm)
	needISA(t, v, uapi.RegRISCVISAExtSsaia)
	var old RISCVCSRExit
	for i, want := range []RISCVCSRExit{
		{CSR: csrSireg, NewValue: 0x5a, WriteMask: 1<<64 - 1},
		{CSR: csrStopei, NewValue: 1<<64 - 1, WriteMask: 0x0f},
		{CSR: csrStopei, NewValue: 0, WriteMask: 0x0f},
	} {
		x := riscvRun(t, v, uapi.ExitRISCVCSR).RISCVCSR()
		if x.CSR != want.CSR || x.NewValue != want.NewValue || x.WriteMask != want.WriteMask {
			t.Errorf("RISCVCSR = %+v, want %+v", x, want)
		}
		old.SetReturn(7) // comes too late
		x.SetReturn(0x1000000001 + uint64(i))
		old = x
	}
	riscvFinish(t, v)
	for i := range 3 {
		if got, err := r.LoadUint64(0x3000 + 8*uint64(i)); err != nil || got != 0x1000000001+uint64(i) {
			t.Errorf("access %d read %#x (%v)", i, got, err)
		}
	}
}

// The entropy source is always the caller's.
func TestRISCVSeedExit(t *testing.T) {
	_, v, _ := riscvGuest(t, csrrw(xA0, csrSeed, xZero), riscvEnd())
	needISA(t, v, uapi.RegRISCVISAExtZkr)
	x := riscvRun(t, v, uapi.ExitRISCVCSR).RISCVCSR()
	if x.CSR != csrSeed || x.WriteMask != 1<<64-1 || x.NewValue != 0 {
		t.Errorf("RISCVCSR = %+v, want a read of seed", x)
	}
	x.SetReturn(2<<30 | 0xbeef) // 16 bits of entropy
	riscvFinish(t, v)
	if a0 := oneReg(t, v, uapi.RegRISCVCoreA0); a0 != 2<<30|0xbeef {
		t.Errorf("the guest read %#x from seed", a0)
	}
}

func TestRISCVDebugExit(t *testing.T) {
	vm, v, _ := riscvGuest(t, addi(xA0, xZero, 1), insnEBREAK, addi(xA0, xZero, 2), riscvEnd())
	needCap(t, vm, uapi.CapSetGuestDebug, "6.10")
	must(t, v.SetDebugBreakpoints(true))
	riscvRun(t, v, uapi.ExitDebug)
	if pc, a0 := oneReg(t, v, uapi.RegRISCVCorePC), oneReg(t, v, uapi.RegRISCVCoreA0); pc != guestBase+4 || a0 != 1 {
		t.Errorf("stopped at %#x with A0 %d, want %#x and 1", pc, a0, guestBase+4)
	}
	must(t, SetOneReg(v, uapi.RegRISCVCorePC, guestBase+8))
	must(t, v.SetDebugBreakpoints(false))
	riscvFinish(t, v)
	if a0 := oneReg(t, v, uapi.RegRISCVCoreA0); a0 != 2 {
		t.Errorf("A0 = %d behind the breakpoint", a0)
	}
}

// A fetch from where there is no memory has no exit of its own: older kernels fail,
// newer ones let the guest have its fault.
func TestRISCVFetchFromNowhere(t *testing.T) {
	_, v, r := riscvGuest(t)
	_, err := r.WriteAt(riscvCode(csrrs(xA1, csrScause, xZero), riscvEnd()), riscvTrap)
	must(t, err)
	must(t, SetOneReg(v, uapi.RegRISCVCorePC, 0x40000000))
	exit, err := runFor(v, runLimit)
	if errors.Is(err, syscall.EOPNOTSUPP) {
		return
	}
	must(t, err)
	const accessFault = 1
	if cause := oneReg(t, v, uapi.RegRISCVCoreA1); !isDone(exit) || cause != accessFault {
		t.Errorf("exit reason %v, and the guest's handler saw cause %d, want %d", exit.Reason(), cause, accessFault)
	}
}

func TestRISCVWFIAndInterrupt(t *testing.T) {
	const external = 1 << 9
	_, v, r := riscvGuest(t,
		setX(xA0, external), csrrs(xZero, csrSIE, xA0), // one kind of interrupt, and none is taken
		setX(xA1, 0x3000), addi(xA2, xZero, 1), store(8, xA2, xA1, 0),
		insnWFI,
		csrrs(xA3, csrSIP, xZero), store(8, xA3, xA1, 8),
		riscvEnd())
	done := make(chan error, 1)
	go func() {
		exit, err := runFor(v, runLimit)
		if err == nil && (exit.Reason() != uapi.ExitMMIO || exit.MMIO().GPA != riscvEndAddr) {
			err = errors.New("another exit: " + exit.Reason().String())
		}
		done <- err
	}()
	eventually(t, "the guest", func() bool { n, err := r.LoadUint64(0x3000); return err == nil && n == 1 })
	select {
	case err := <-done:
		t.Fatalf("the guest did not wait: %v", err)
	default:
	}
	must(t, v.Interrupt(uapi.InterruptSet))
	must(t, <-done)
	if sip, err := r.LoadUint64(0x3008); err != nil || sip&external == 0 {
		t.Errorf("the guest saw SIP %#x (%v), want bit 9", sip, err)
	}
	if sip := oneReg(t, v, uapi.RegRISCVCSRSip); sip&external == 0 {
		t.Errorf("SIP = %#x, want bit 9", sip)
	}
	must(t, v.Interrupt(uapi.InterruptUnset))
	if sip := oneReg(t, v, uapi.RegRISCVCSRSip); sip&external != 0 {
		t.Errorf("SIP = %#x after the interrupt was taken back", sip)
	}
}

// The second vCPU waits until the firmware is asked to start it, or the caller says
// that it runs.
func TestRISCVMPState(t *testing.T) {
	const second = 0x1800
	vm, r := riscvVM(t, sbiCall(sbiHSM, 0, 1, second, 77), riscvEnd())
	_, err := r.WriteAt(riscvCode(
		setX(xA3, 0x3000), store(8, xA0, xA3, 0), store(8, xA1, xA3, 8), riscvEnd()), second)
	must(t, err)
	boot, other := riscvVCPU(t, vm), riscvVCPU(t, vm, 1)
	wantState(t, boot, uapi.MPStateRunnable)
	wantState(t, other, uapi.MPStateStopped)
	if err := other.SetMPState(uapi.MPStateHalted); err == nil {
		t.Error("a state that riscv64 does not have was taken")
	}
	riscvFinish(t, boot)
	wantState(t, other, uapi.MPStateRunnable)
	riscvFinish(t, other)
	for at, want := range map[uint64]uint64{0x3000: 1, 0x3008: 77} { // hart and argument
		if got, err := r.LoadUint64(at); err != nil || got != want {
			t.Errorf("the second vCPU has %d at %#x (%v), want %d", got, at, err, want)
		}
	}
	must(t, other.SetMPState(uapi.MPStateStopped))
	wantState(t, other, uapi.MPStateStopped)
	must(t, other.SetMPState(uapi.MPStateRunnable))
	wantState(t, other, uapi.MPStateRunnable)
}

func wantState(tb testing.TB, v *VCPU, want uint32) {
	tb.Helper()
	if state, err := v.MPState(); err != nil || state != want {
		tb.Errorf("MPState = %d, %v, want %d", state, err, want)
	}
}

// needISA skips a test where the processor, or KVM, has not an extension. The lane
// riscv64-6.12 is a processor with few.
func needISA(tb testing.TB, v *VCPU, id uapi.RegID[uint64]) {
	tb.Helper()
	if has, err := GetOneReg(v, id); err != nil || has == 0 {
		tb.Skipf("needs %v (lane riscv64-aia has it: go run ./internal/cmd/rig test -lane riscv64-aia ./kvm): %v", id.Reg(), err)
	}
}
