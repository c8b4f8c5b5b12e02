package kvm

import (
	"os"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestXIVE(t *testing.T) {
	vm, v, _ := newGuest(t, stepCode...)
	needCap(t, vm, uapi.CapPPCIRQXIVE, "")
	x, err := vm.CreateXIVE()
	must(t, err)
	made.note(t, x.fd)
	t.Cleanup(func() { x.Close() })
	must(t, x.SetNrServers(8))
	must(t, v.EnableIRQXIVE(x, 3))
	const message, line = 0x1200, 0x1201
	must(t, x.AddSource(message, false, false))
	must(t, x.AddSource(line, true, true))
	if got, err := x.EQConfig(3, 6); err != nil || got.Qshift != 0 {
		t.Errorf("a queue without configuration: %+v, %v", got, err)
	}
	if n := os.Getpagesize(); n < 0x10000 {
		t.Skipf("needs a host with pages of 64 KiB for an event queue, and those of this one have %d (lane ppc64le-powernv has them)", n)
	}
	queue := uapi.PPCXIVEEq{Flags: uapi.XIVEEqAlwaysNotify, Qshift: 16, Qaddr: 0x10000, Qtoggle: 1}
	must(t, x.SetEQConfig(3, 6, &queue))
	if got, err := x.EQConfig(3, 6); err != nil || got != queue {
		t.Errorf("the queue is %+v, %v; want %+v", got, err, queue)
	}
	must(t, x.ConfigureSource(message, XIVESource{Priority: 6, Server: 3, EISN: 0x42}))
	wantError(t, x.ConfigureSource(0x1800, XIVESource{Priority: 6, Server: 3}), syscall.ENOENT)
	must(t, x.SyncSource(message))
	must(t, x.EQSync())
	state, err := GetOneReg(v, uapi.RegPPCVPState)
	must(t, err)
	must(t, SetOneReg(v, uapi.RegPPCVPState, state))
	runToCall(t, v, guestDone)
	must(t, x.Reset())
	if got, err := x.EQConfig(3, 6); err != nil || got.Qshift != 0 {
		t.Errorf("after Reset: %+v, %v", got, err)
	}
}
