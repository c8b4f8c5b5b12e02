package kvm

import (
	"encoding/binary"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestRegsRoundTrip(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	want := uapi.Regs{
		RAX: 1, RBX: 2, RCX: 3, RDX: 4, RSI: 5, RDI: 6, RSP: 7, RBP: 8,
		R8: 9, R9: 10, R10: 11, R11: 12, R12: 13, R13: 14, R14: 15, R15: 1 << 63,
		RIP: 0x1234, RFLAGS: 2,
	}
	must(t, v.SetRegs(&want))
	got, err := v.Regs()
	must(t, err)
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	must(t, v.ModifyRegs(func(r *uapi.Regs) { r.RAX++ }))
	got, err = v.Regs()
	must(t, err)
	want.RAX = 2
	if got != want {
		t.Errorf("after ModifyRegs: got %+v, want %+v", got, want)
	}
	wantError(t, v.ModifyRegs(nil), ErrInvalid)
}

func TestSregsRoundTrip(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	sregs, err := v.Sregs()
	must(t, err)
	sregs.CS.Base, sregs.CS.Selector = 0x10000, 0x1000
	sregs.CR2 = 0xdead0000
	must(t, v.SetSregs(&sregs))
	got, err := v.Sregs()
	must(t, err)
	if got != sregs {
		t.Errorf("got  %+v\nwant %+v", got, sregs)
	}
	sregs.CR0 = 1 << 31 // paging without protection: no processor has that
	wantError(t, v.SetSregs(&sregs), syscall.EINVAL, "KVM_SET_SREGS")
}

func TestSregs2RoundTrip(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	if _, err := v.Sregs2(); err != nil {
		needCap(t, vm, uapi.CapSregs2, "5.14")
	}
	sregs, err := v.Sregs2()
	must(t, err)
	sregs.DS.Base = 0x20000
	must(t, v.SetSregs2(&sregs))
	got, err := v.Sregs2()
	must(t, err)
	if got != sregs {
		t.Errorf("got  %+v\nwant %+v", got, sregs)
	}
}

func TestFPURoundTrip(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	fpu, err := v.FPU()
	must(t, err)
	fpu.FCW = 0x37f
	fpu.XMM[3][5] = 0xa5
	must(t, v.SetFPU(&fpu))
	got, err := v.FPU()
	must(t, err)
	if got != fpu || got.XMM[3][5] != 0xa5 {
		t.Errorf("got  %+v\nwant %+v", got, fpu)
	}
}

func TestXSAVERoundTrip(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapXSAVE, "2.6.36")
	v := newTestVCPU(t, vm)
	cpuid, err := openSystem(t).SupportedCPUID()
	must(t, err)
	must(t, v.SetCPUID2(cpuid))
	state, err := v.XSAVE()
	must(t, err)
	if len(state) != xsaveMin {
		t.Fatalf("XSAVE has %d bytes", len(state))
	}
	const mxcsr, xmm0, xstateBV = 24, 160, 512
	binary.LittleEndian.PutUint32(state[mxcsr:], 0x1fa0)
	state[xmm0] = 0x5a
	state[xstateBV] |= 3 // x87 and SSE are there
	must(t, v.SetXSAVE(state))
	got, err := v.XSAVE()
	must(t, err)
	if got[xmm0] != 0x5a || binary.LittleEndian.Uint32(got[mxcsr:]) != 0x1fa0 {
		t.Errorf("MXCSR %x, XMM0 %x", got[mxcsr:mxcsr+4], got[xmm0:xmm0+16])
	}
	wantError(t, v.SetXSAVE(nil), ErrInvalid)
	wantError(t, v.SetXSAVE(make([]byte, 1<<20)), ErrInvalid, "1048576")
	// A shorter state is one whose rest is zero: legacy area and header here.
	must(t, v.SetXSAVE(state[:576]))
}

func TestXSAVE2HasTheSizeKVMSays(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	needCap(t, vm, uapi.CapXSAVE2, "5.17")
	size, err := vm.CheckExtension(uapi.CapXSAVE2)
	must(t, err)
	state, err := v.XSAVE2()
	must(t, err)
	if len(state) != size || size < xsaveMin {
		t.Errorf("XSAVE2 has %d bytes, KVM_CAP_XSAVE2 says %d", len(state), size)
	}
	must(t, v.SetXSAVE(state))
}

func TestXCRsRoundTrip(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapXCRs, "2.6.36")
	v := newTestVCPU(t, vm)
	cpuid, err := openSystem(t).SupportedCPUID()
	must(t, err)
	must(t, v.SetCPUID2(cpuid))
	xcrs, err := v.XCRs()
	must(t, err)
	if xcrs.NrXCRs != 1 || xcrs.XCRs[0].XCR != 0 {
		t.Fatalf("got %d XCRs, the first %+v, want XCR0 only", xcrs.NrXCRs, xcrs.XCRs[0])
	}
	xcrs.XCRs[0].Value = 3
	must(t, v.SetXCRs(&xcrs))
	got, err := v.XCRs()
	must(t, err)
	if got.XCRs[0].Value != 3 {
		t.Errorf("XCR0 is %#x, want 3", got.XCRs[0].Value)
	}
}

func TestDebugRegsRoundTrip(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapDebugRegs, "2.6.35")
	v := newTestVCPU(t, vm)
	regs, err := v.DebugRegs()
	must(t, err)
	regs.DB[1] = 0xabc0
	must(t, v.SetDebugRegs(&regs))
	got, err := v.DebugRegs()
	must(t, err)
	if got.DB[1] != 0xabc0 {
		t.Errorf("DR1 is %#x, want 0xabc0", got.DB[1])
	}
}

func TestMPStateRoundTrip(t *testing.T) {
	vm := newTestVM(t)
	must(t, vm.CreateIRQChip())
	v := newTestVCPU(t, vm)
	for _, state := range []uint32{uapi.MPStateHalted, uapi.MPStateUninitialized, uapi.MPStateRunnable} {
		must(t, v.SetMPState(state))
		if got, err := v.MPState(); err != nil || got != state {
			t.Errorf("state %d, %v; want %d", got, err, state)
		}
	}
	wantError(t, v.SetMPState(1<<31), syscall.EINVAL)
}

func TestVCPUEventsRoundTrip(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapVCPUEvents, "2.6.33")
	v := newTestVCPU(t, vm)
	must(t, v.NMI())
	events, err := v.VCPUEvents()
	must(t, err)
	if events.NMI.Pending == 0 {
		t.Error("no NMI is pending after NMI()")
	}
	events.NMI.Pending = 0
	events.Flags |= uapi.VCPUEventValidNMIPending
	must(t, v.SetVCPUEvents(&events))
	events, err = v.VCPUEvents()
	must(t, err)
	if events.NMI.Pending != 0 {
		t.Error("an NMI is still pending after it was taken back")
	}
}
