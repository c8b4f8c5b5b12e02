package kvm

import (
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// A guest in real mode adds two registers, writes the sum to memory and to a
// port, and halts: memory, registers, run state and exits all at once.
func TestSeedGuest(t *testing.T) {
	vm := newTestVM(t)
	ram, err := memory.New(0x10000)
	must(t, err)
	bytes, err := ram.Bytes()
	must(t, err)
	copy(bytes[guestBase:], []byte{
		0x00, 0xd8, // add al, bl
		0xa2, 0x00, 0x20, // mov [0x2000], al
		0xe6, 0x10, // out 0x10, al
		0xf4, // hlt
	})
	must(t, vm.SetUserMemoryRegion(0, 0, 0, ram))
	v := newTestVCPU(t, vm)
	sregs, err := v.Sregs()
	must(t, err)
	sregs.CS.Base, sregs.CS.Selector = 0, 0
	must(t, v.SetSregs(&sregs))
	must(t, v.SetRegs(&uapi.Regs{RIP: guestBase, RFLAGS: 2, RBX: 3}))
	must(t, v.ModifyRegs(func(r *uapi.Regs) { r.RAX = 2 }))

	runUntil(t, v, uapi.ExitIO)
	state, err := v.RunState()
	must(t, err)
	if io := state.IO(); io.Port != 0x10 || io.Size != 1 || io.Direction != uapi.ExitIOOut {
		t.Errorf("run state: %+v", io)
	}
	runUntil(t, v, uapi.ExitHLT)
	if bytes[0x2000] != 5 {
		t.Errorf("the guest stored %d, want 5", bytes[0x2000])
	}

	wantError(t, ram.Close(), memory.ErrInUse)
	must(t, vm.Close())
	wantError(t, ram.Close(), memory.ErrInUse) // the vCPU keeps the VM
	must(t, v.Close())
	must(t, ram.Close())
	if state.ExitReason != 0 {
		t.Error("the run state of a closed vCPU is not zeros")
	}
	_, err = v.Run()
	wantError(t, err, ErrClosed, "KVM_RUN")
}
