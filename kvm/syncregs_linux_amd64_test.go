package kvm

import (
	"math"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

// A guest that reports and increments AX for ever.
var countGuest = []byte{
	0xe7, 0x10, // out 0x10, ax
	0x40,       // inc ax
	0xeb, 0xfb, // jmp to the out
}

const syncAll = uapi.SyncX86Regs | uapi.SyncX86Sregs | uapi.SyncX86Events

func newSyncGuest(t *testing.T) *VCPU {
	t.Helper()
	vm, v, _ := newGuest(t, countGuest...)
	needCap(t, vm, uapi.CapSyncRegs, "4.17")
	return v
}

func TestSyncRegs(t *testing.T) {
	v := newSyncGuest(t)
	must(t, v.EnableSyncRegs(syncAll))
	// They are there at once, before the first Run.
	regs, err := v.SyncRegs()
	must(t, err)
	if regs.RIP != guestBase {
		t.Errorf("RIP before the first Run is %#x, want %#x", regs.RIP, guestBase)
	}
	for i := range uint64(3) {
		wantOut(t, v, i)
		regs, err = v.SyncRegs()
		must(t, err)
		if want, err := v.Regs(); err != nil || regs != want || regs.RAX != i {
			t.Errorf("registers %+v, want %+v (%v)", regs, want, err)
		}
		sregs, err := v.SyncSregs()
		must(t, err)
		if want, err := v.Sregs(); err != nil || sregs != want {
			t.Errorf("special registers %+v, want %+v (%v)", sregs, want, err)
		}
		events, err := v.SyncVCPUEvents()
		must(t, err)
		if want, err := v.VCPUEvents(); err != nil || events != want {
			t.Errorf("events %+v, want %+v (%v)", events, want, err)
		}
	}
}

func TestSetSyncRegs(t *testing.T) {
	v := newSyncGuest(t)
	must(t, v.EnableSyncRegs(syncAll))
	wantOut(t, v, 0)
	regs, err := v.SyncRegs()
	must(t, err)
	regs.RAX = 0x1233
	must(t, v.SetSyncRegs(&regs))
	sregs, err := v.SyncSregs()
	must(t, err)
	sregs.FS.Base, sregs.FS.Selector = 0x4560, 0x456
	must(t, v.SetSyncSregs(&sregs))
	wantOut(t, v, 0x1234)
	if got, err := v.Sregs(); err != nil || got.FS.Base != 0x4560 {
		t.Errorf("FS is at %#x, %v; want 0x4560", got.FS.Base, err)
	}
	wantOut(t, v, 0x1235) // taken once
	events, err := v.SyncVCPUEvents()
	must(t, err)
	events.NMI.Masked = 1
	must(t, v.SetSyncVCPUEvents(&events))
	wantOut(t, v, 0x1236)
	if got, err := v.VCPUEvents(); err != nil || got.NMI.Masked != 1 {
		t.Errorf("NMI masked: %d, %v; want 1", got.NMI.Masked, err)
	}
}

// What KVM refuses is an error of the Run; the vCPU goes on after better values.
func TestSetSyncRegsRefused(t *testing.T) {
	v := newSyncGuest(t)
	must(t, v.EnableSyncRegs(syncAll))
	sregs, err := v.SyncSregs()
	must(t, err)
	bad := sregs
	bad.CR4 = math.MaxUint64
	must(t, v.SetSyncSregs(&bad))
	_, err = v.Run()
	wantError(t, err, syscall.EINVAL, "KVM_RUN")
	must(t, v.SetSyncSregs(&sregs))
	wantOut(t, v, 0)
}

func TestSyncRegsNotAskedFor(t *testing.T) {
	v := newSyncGuest(t)
	wantOut(t, v, 0)
	_, err := v.SyncRegs()
	wantError(t, err, ErrInvalid, "EnableSyncRegs")
	must(t, v.EnableSyncRegs(uapi.SyncX86Regs))
	_, err = v.SyncSregs()
	wantError(t, err, ErrInvalid)
	_, err = v.SyncVCPUEvents()
	wantError(t, err, ErrInvalid)
	wantError(t, v.SetSyncSregs(&uapi.Sregs{}), ErrInvalid)
	wantError(t, v.SetSyncVCPUEvents(&uapi.VCPUEvents{}), ErrInvalid)
	must(t, v.EnableSyncRegs(0))
	wantError(t, v.SetSyncRegs(&uapi.Regs{}), ErrInvalid)
	wantError(t, v.EnableSyncRegs(1<<63), ErrInvalid, "0x8000000000000000")
	wantError(t, v.SetSyncRegs(nil), ErrInvalid)
	wantError(t, v.SetSyncSregs(nil), ErrInvalid)
	wantError(t, v.SetSyncVCPUEvents(nil), ErrInvalid)
	wantOut(t, v, 1)
}

func TestSyncRegsClosed(t *testing.T) {
	v := newSyncGuest(t)
	must(t, v.EnableSyncRegs(syncAll))
	must(t, v.Close())
	_, err := v.SyncRegs()
	wantError(t, err, ErrClosed)
	wantError(t, v.SetSyncRegs(&uapi.Regs{}), ErrClosed)
	wantError(t, v.EnableSyncRegs(syncAll), ErrClosed)
}

func TestSyncRegsAllocateNothing(t *testing.T) {
	v := newSyncGuest(t)
	must(t, v.EnableSyncRegs(syncAll))
	wantOut(t, v, 0)
	regs, err := v.SyncRegs()
	must(t, err)
	sregs, err := v.SyncSregs()
	must(t, err)
	events, err := v.SyncVCPUEvents()
	must(t, err)
	for name, f := range map[string]func(){
		"SyncRegs":          func() { regs, err = v.SyncRegs() },
		"SetSyncRegs":       func() { err = v.SetSyncRegs(&regs) },
		"SyncSregs":         func() { sregs, err = v.SyncSregs() },
		"SetSyncSregs":      func() { err = v.SetSyncSregs(&sregs) },
		"SyncVCPUEvents":    func() { events, err = v.SyncVCPUEvents() },
		"SetSyncVCPUEvents": func() { err = v.SetSyncVCPUEvents(&events) },
		"Run with them":     func() { _, err = v.Run(); regs, _ = v.SyncRegs(); _ = v.SetSyncRegs(&regs) },
	} {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(50, f); n != 0 {
				t.Errorf("%v allocations, want 0", n)
			}
			must(t, err)
		})
	}
}
