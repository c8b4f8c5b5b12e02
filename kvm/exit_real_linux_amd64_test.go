package kvm

import (
	"bytes"
	"testing"

	"linuxkvm/uapi"
)

func TestPortExits(t *testing.T) {
	_, v, _ := newGuest(t,
		0xb0, 0x5a, //       mov al, 0x5a
		0xe6, 0x10, //       out 0x10, al
		0xb8, 0x34, 0x12, // mov ax, 0x1234
		0xba, 0x21, 0x43, // mov dx, 0x4321
		0xef,                               // out dx, ax
		0x66, 0xb8, 0x78, 0x56, 0x34, 0x12, // mov eax, 0x12345678
		0x66, 0xef, // out dx, eax
		0xe4, 0x60, // in al, 0x60
		0x66, 0xed, // in eax, dx
		0xf4, //       hlt
	)
	for _, want := range []struct {
		port uint16
		size uint8
		v    uint64
	}{{0x10, 1, 0x5a}, {0x4321, 2, 0x1234}, {0x4321, 4, 0x12345678}} {
		x := runUntil(t, v, uapi.ExitIO).IO()
		if !x.Out || x.Port != want.port || x.Size != want.size || x.Count != 1 || x.Data().Uint64() != want.v {
			t.Errorf("IO = %+v with %#x, want %+v", x, x.Data().Uint64(), want)
		}
	}
	old := runUntil(t, v, uapi.ExitIO).IO()
	if old.Out || old.Port != 0x60 || old.Size != 1 {
		t.Errorf("IO = %+v, want a read of one byte at port 0x60", old)
	}
	old.Data().SetUint64(0xa5)
	x := runUntil(t, v, uapi.ExitIO).IO()
	regs, err := v.Regs()
	must(t, err)
	if regs.RAX != 0x123456a5 {
		t.Errorf("the guest read %#x into RAX, want 0x123456a5", regs.RAX)
	}
	old.Data().SetUint64(0) // comes too late
	x.Data().CopyFrom([]byte{1, 2, 3, 4})
	runUntil(t, v, uapi.ExitHLT)
	if regs, err = v.Regs(); err != nil || regs.RAX != 0x04030201 {
		t.Errorf("the guest read %#x into RAX, want 0x4030201 (%v)", regs.RAX, err)
	}
}

func TestRepeatedPortExits(t *testing.T) {
	const data = 0x3000
	_, v, r := newGuest(t,
		0xfc,             // cld
		0xb9, 0x05, 0x00, // mov cx, 5
		0xbe, 0x00, 0x30, // mov si, data
		0xba, 0x20, 0x00, // mov dx, 0x20
		0xf3, 0x6e, //       rep outsb
		0xb9, 0x03, 0x00, // mov cx, 3
		0xbf, 0x10, 0x30, // mov di, data+0x10
		0xf3, 0x6d, //       rep insw
		0xf4, //             hlt
	)
	if _, err := r.WriteAt([]byte("HELLO"), data); err != nil {
		t.Fatal(err)
	}
	var out []byte
	for len(out) < 5 {
		x := runUntil(t, v, uapi.ExitIO).IO()
		if !x.Out || x.Port != 0x20 || x.Size != 1 || x.Count == 0 || x.Data().Len() != int(x.Count) {
			t.Fatalf("IO = %+v with %d bytes", x, x.Data().Len())
		}
		for i := range int(x.Count) {
			var p [1]byte
			x.Access(i).CopyTo(p[:])
			out = append(out, p[0])
		}
	}
	if string(out) != "HELLO" {
		t.Errorf("the guest wrote %q", out)
	}
	// KVM writes one at a time, but reads ahead where the guest's counter says
	// that it may.
	var most uint32
	for n := 0; n < 3; {
		x := runUntil(t, v, uapi.ExitIO).IO()
		if x.Out || x.Size != 2 || n+int(x.Count) > 3 {
			t.Fatalf("IO = %+v after %d reads", x, n)
		}
		most = max(most, x.Count)
		for i := range int(x.Count) {
			n++
			x.Access(i).SetUint64(uint64(0x0100 + n))
		}
	}
	if most < 2 {
		t.Error("no exit had more than one access")
	}
	runUntil(t, v, uapi.ExitHLT)
	got := make([]byte, 6)
	if _, err := r.ReadAt(got, data+0x10); err != nil || !bytes.Equal(got, []byte{1, 1, 2, 1, 3, 1}) {
		t.Errorf("the guest read % x (%v)", got, err)
	}
}

func TestMMIOExits(t *testing.T) {
	_, v, _ := newGuest(t,
		0xb8, 0x00, 0x20, //       mov ax, 0x2000
		0x8e, 0xd8, //             mov ds, ax: 0x20000, behind the RAM
		0xb0, 0x5a, //             mov al, 0x5a
		0xa2, 0x10, 0x00, //       mov [0x10], al
		0x66, 0xc7, 0x06, 0x20, 0x00, 0x44, 0x33, 0x22, 0x11, // mov dword [0x20], 0x11223344
		0xa0, 0x30, 0x00, //       mov al, [0x30]
		0x66, 0x8b, 0x1e, 0x40, 0x00, // mov ebx, [0x40]
		0xf4, // hlt
	)
	for _, want := range []struct {
		gpa uint64
		n   int
		v   uint64
	}{{0x20010, 1, 0x5a}, {0x20020, 4, 0x11223344}} {
		x := runUntil(t, v, uapi.ExitMMIO).MMIO()
		if !x.Write || x.GPA != want.gpa || x.Data().Len() != want.n || x.Data().Uint64() != want.v {
			t.Errorf("MMIO = %+v with %d bytes, %#x; want %+v", x, x.Data().Len(), x.Data().Uint64(), want)
		}
	}
	for _, want := range []struct {
		gpa uint64
		n   int
	}{{0x20030, 1}, {0x20040, 4}} {
		x := runUntil(t, v, uapi.ExitMMIO).MMIO()
		if x.Write || x.GPA != want.gpa || x.Data().Len() != want.n {
			t.Errorf("MMIO = %+v with %d bytes; want %+v", x, x.Data().Len(), want)
		}
		x.Data().SetUint64(0x8877665544332211)
	}
	runUntil(t, v, uapi.ExitHLT)
	regs, err := v.Regs()
	must(t, err)
	if uint8(regs.RAX) != 0x11 || uint32(regs.RBX) != 0x44332211 {
		t.Errorf("the guest read AL %#x and EBX %#x", uint8(regs.RAX), uint32(regs.RBX))
	}
}

func TestHLTExitAndItsRegisters(t *testing.T) {
	_, v, _ := newGuest(t, 0xfb, 0xf4) // sti; hlt
	e := runUntil(t, v, uapi.ExitHLT)
	if !e.HLT() || e.Shutdown() || e.Kicked() {
		t.Errorf("HLT %v, Shutdown %v, Kicked %v", e.HLT(), e.Shutdown(), e.Kicked())
	}
	if on, err := v.InterruptFlag(); err != nil || !on {
		t.Errorf("InterruptFlag = %v, %v after sti", on, err)
	}
	if base, err := v.APICBase(); err != nil || base&^0xfff != 0xfee00000 {
		t.Errorf("APICBase = %#x, %v", base, err)
	}
	must(t, v.SetCR8(5))
	must(t, v.Kick())
	if e, err := v.Run(); err != nil || !e.Kicked() {
		t.Fatalf("Run = %v, %v", e.Reason(), err)
	}
	if cr8, err := v.CR8(); err != nil || cr8 != 5 {
		t.Errorf("CR8 = %d, %v after SetCR8(5) and a Run", cr8, err)
	}
	v.Close()
	if e.HLT() {
		t.Error("an exit of a closed vCPU still says HLT")
	}
	_, err := v.InterruptFlag()
	wantError(t, err, ErrClosed)
	_, err = v.ReadyForInterruptInjection()
	wantError(t, err, ErrClosed)
	_, err = v.CR8()
	wantError(t, err, ErrClosed)
	_, err = v.APICBase()
	wantError(t, err, ErrClosed)
	wantError(t, v.SetCR8(0), ErrClosed)
	wantError(t, v.RequestInterruptWindow(true), ErrClosed)
}

func TestInterruptWindowExit(t *testing.T) {
	_, v, _ := newGuest(t, 0xfa, 0x90, 0xfb, 0x90, 0x90, 0xeb, 0xfe) // cli; nop; sti; nop; nop; jmp to it
	must(t, v.RequestInterruptWindow(true))
	if e := runUntil(t, v, uapi.ExitIRQWindowOpen); !e.IRQWindowOpen() {
		t.Error("IRQWindowOpen is false")
	}
	if ready, err := v.ReadyForInterruptInjection(); err != nil || !ready {
		t.Errorf("ReadyForInterruptInjection = %v, %v", ready, err)
	}
	must(t, v.RequestInterruptWindow(false))
}

func TestShutdownExit(t *testing.T) {
	_, v, _ := newLongGuest(t, 0, 0x0f, 0x0b) // ud2
	sregs, err := v.Sregs()
	must(t, err)
	sregs.IDT.Limit = 0 // so that no exception has a handler
	must(t, v.SetSregs(&sregs))
	if e := runUntil(t, v, uapi.ExitShutdown); !e.Shutdown() {
		t.Error("Shutdown is false")
	}
}

func TestInternalErrorExit(t *testing.T) {
	// The code is behind the RAM, where there is nothing to fetch.
	_, v, _ := newGuest(t, 0xea, 0x00, 0x00, 0x00, 0x20) // jmp 0x2000:0
	e := runUntil(t, v, uapi.ExitInternalError)
	x := e.InternalError()
	if x.Suberror != uapi.InternalErrorEmulation {
		t.Errorf("InternalError = %+v, want suberror %d", x, uapi.InternalErrorEmulation)
	}
	t.Logf("InternalError = %+v, EmulationFailure = %+v", x, e.EmulationFailure())
}

func TestDebugExit(t *testing.T) {
	_, v, _ := newGuest(t, 0x90, 0x90, 0xf4) // nop; nop; hlt
	must(t, v.SetGuestDebug(&uapi.GuestDebug{Control: uapi.GuestdbgEnable | uapi.GuestdbgSinglestep}))
	x := runUntil(t, v, uapi.ExitDebug).Debug()
	if x.Arch.Exception != 1 || x.Arch.PC != guestBase+1 || x.Arch.DR6&(1<<14) == 0 {
		t.Errorf("Debug = %+v, want exception 1 at %#x by a single step", x, guestBase+1)
	}
}

// A state that processors refuse and KVM lets through: 64-bit code that is
// 32-bit code as well.
func TestFailEntryExit(t *testing.T) {
	_, v, _ := newLongGuest(t, 0, 0xf4)
	sregs, err := v.Sregs()
	must(t, err)
	sregs.CS.L, sregs.CS.DB = 1, 1
	if err := v.SetSregs(&sregs); err != nil {
		t.Skipf("needs a KVM that does not look at the code segment itself: %v", err)
	}
	e, err := v.Run()
	if err != nil || e.Reason() != uapi.ExitFailEntry {
		t.Skipf("needs a processor that refuses this state at entry (the rig's does: make test-lanes): got %v, %v", e.Reason(), err)
	}
	if x := e.FailEntry(); x.HardwareReason == 0 {
		t.Errorf("FailEntry = %+v, want a reason", x)
	}
}
