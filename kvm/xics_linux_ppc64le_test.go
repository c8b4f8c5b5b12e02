package kvm

import (
	"encoding/binary"
	"testing"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// newXICSGuest is newGuest with a XICS, server 0 of which is the vCPU.
func newXICSGuest(t *testing.T, code ...uint32) (*VM, *VCPU, *XICS) {
	t.Helper()
	vm, v, _ := newGuest(t, code...)
	needCap(t, vm, uapi.CapIRQXICS, "")
	x, err := vm.CreateXICS()
	must(t, err)
	made.note(t, x.fd)
	t.Cleanup(func() { x.Close() })
	limited, err := x.HasAttr(uapi.DevXICSGrpCtrl, uapi.DevXICSNrServers)
	must(t, err)
	if limited != bareMachine() {
		t.Errorf("the number of servers can be set: %v", limited)
	}
	if limited {
		must(t, x.SetNrServers(8))
	}
	must(t, v.EnableIRQXICS(x, 0))
	return vm, v, x
}

// xicsCode lets every interrupt through, and takes one at each guestDone.
var xicsCode = []uint32{
	0x38600068, // li r3, 0x68: H_CPPR
	0x388000ff, // li r4, 0xff
	0x44000022, // sc 1
	0x38600074, // li r3, 0x74: H_XIRR
	0x44000022, // sc 1
	0x7c6a1b78, // mr r10, r3
	0x7c8b2378, // mr r11, r4
	0x386007f0, // li r3, guestDone
	0x44000022, // sc 1
	0x38600064, // li r3, 0x64: H_EOI
	0x7d645b78, // mr r4, r11
	0x44000022, // sc 1
	0x4bffffdc, // b guestBase+0xc
}

// takesInterrupt runs the guest of xicsCode to the next guestDone: it must have
// taken that source's interrupt, or none for 0.
func takesInterrupt(t *testing.T, v *VCPU, want uint64) {
	t.Helper()
	x := runToCall(t, v, guestDone)
	if got := x.Args[7] & 0xffffff; x.Args[6] != 0 || got != want {
		t.Errorf("H_XIRR gave %d, source %#x; want %#x", int64(x.Args[6]), got, want)
	}
}

func TestXICS(t *testing.T) {
	vm, v, x := newXICSGuest(t, xicsCode...)
	const message, line = 0x1000, 0x1001
	must(t, x.SetSource(message, XICSSource{Priority: 5}))
	must(t, x.SetSource(line, XICSSource{Priority: 6, LevelSensitive: true}))
	if s, err := x.Source(line); err != nil || s.Priority != 6 || !s.LevelSensitive || s.Masked || s.Pending {
		t.Errorf("Source: %+v, %v", s, err)
	}
	takesInterrupt(t, v, 0)
	must(t, vm.IRQLine(message, true))
	must(t, vm.IRQLine(line, true))
	takesInterrupt(t, v, message)
	takesInterrupt(t, v, line)
	must(t, vm.IRQLine(line, false))
	takesInterrupt(t, v, 0)

	e, err := NewEventFD()
	must(t, err)
	defer e.Close()
	must(t, vm.Irqfd(e, message))
	must(t, e.Signal())
	takesInterrupt(t, v, message)
	must(t, vm.DeassignIrqfd(e, message))

	state, err := GetOneReg(v, uapi.RegPPCIcpState)
	must(t, err)
	must(t, SetOneReg(v, uapi.RegPPCIcpState, state))
	if cppr := state >> uapi.RegPPCIcpCpprShift & uapi.RegPPCIcpCpprMask; cppr == 0 {
		t.Errorf("the presenter's state is %#x: nothing gets through", state)
	}
}

// The kernel answers the guest's calls of the services whose tokens it knows.
func TestXICSByRTAS(t *testing.T) {
	vm, v, x := newXICSGuest(t,
		0x3c600001, // lis r3, 1
		0x3863f000, // addi r3, r3, -0x1000: H_RTAS
		0x38802000, // li r4, 0x2000: the arguments
		0x44000022, // sc 1
		0x7c6a1b78, // mr r10, r3
		0x386007f0, // li r3, guestDone
		0x44000022, // sc 1
		0x4bffffe4, // b guestBase
	)
	must(t, x.SetSource(0x1234, XICSSource{Priority: 5}))
	must(t, vm.PPCRTASDefineToken("ibm,set-xive", 0x2001))
	args := func(words ...uint32) (b []byte) {
		for _, w := range words {
			b = binary.BigEndian.AppendUint32(b, w)
		}
		return b
	}
	r := testMemory.m[vm][0]
	_, err := r.WriteAt(args(0x2001, 3, 1, 0x1234, 0, 3, 99), 0x2000) // token, 3 arguments, 1 answer
	must(t, err)
	if call := runToCall(t, v, guestDone); call.Args[6] != 0 {
		t.Errorf("H_RTAS gave %d", int64(call.Args[6]))
	}
	if s, err := x.Source(0x1234); err != nil || s.Priority != 3 {
		t.Errorf("the source has priority %d, %v; the guest set 3", s.Priority, err)
	}
	// Without a token the call is the caller's.
	must(t, vm.PPCRTASDefineToken("ibm,set-xive", 0))
	call := runToCall(t, v, 0xf000)
	if call.Args[0] != 0x2000 {
		t.Errorf("H_RTAS with %#x", call.Args[0])
	}
}

func TestEnableControllerRefuses(t *testing.T) {
	vm := fakeVM(t)
	v := fakeVCPUOf(t, vm)
	refused(t, v.EnableIRQXICS(nil, 0), "nil")
	refused(t, v.EnableIRQXIVE(nil, 0), "nil")
	fd, err := sys.NewEventFD()
	must(t, err)
	d := newDevice(vm, fd)
	reached(t, v.EnableIRQXICS(&XICS{Device: d}, 0))
	reached(t, v.EnableIRQXIVE(&XIVE{Device: d}, 0))
	must(t, d.Close())
	wantError(t, v.EnableIRQXICS(&XICS{Device: d}, 0), ErrClosed)
	wantError(t, v.EnableIRQXIVE(&XIVE{Device: d}, 0), ErrClosed)
}
