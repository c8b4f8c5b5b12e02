package kvm

import (
	"encoding/binary"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// Where radixGuest puts its tables in guest memory.
const (
	radixProcesses = 0x3000  // the process table
	radixMiddle    = 0x4000  // the second level: 512 entries for 1 GiB each
	radixRoot      = 0x10000 // the first level: 8192 entries for 512 GiB each
)

// radixTables maps the two gigabytes at the effective address 0xc000000000000000,
// of process 0, both to the first gigabyte of guest-physical memory.
func radixTables(t *testing.T, r *memory.Region) {
	t.Helper()
	const (
		valid, leaf        = 1 << 63, 1 << 62
		referenced         = 1<<8 | 1<<7 // and changed
		supervisor, access = 1 << 3, 7   // read, write, execute
		levels52           = 2<<61 | 5<<5
	)
	put := func(at int64, v uint64) {
		_, err := r.WriteAt(binary.BigEndian.AppendUint64(nil, v), at)
		must(t, err)
	}
	put(radixProcesses, levels52|radixRoot|13) // log2 of the root's entries
	put(radixRoot, valid|radixMiddle|9)
	for gigabyte := range int64(2) {
		put(radixMiddle+8*gigabyte, valid|leaf|referenced|supervisor|access)
	}
}

// A guest with radix page tables of its own: they are found by what
// KVM_PPC_CONFIGURE_V3_MMU says.
func TestRadixGuest(t *testing.T) {
	vm, v, r := newGuest(t,
		0x3c80c000, // lis r4, 0xc000
		0x788407c6, // sldi r4, r4, 32: 0xc000000000000000
		0x3ca04000, // lis r5, 0x4000
		0x7ca52378, // or r5, r5, r4: 0xc000000040000000
		0xe8c52000, // ld r6, 0x2000(r5)
		0x38c60001, // addi r6, r6, 1
		0xf8c42008, // std r6, 0x2008(r4)
		0x64851000, // oris r5, r4, 0x1000: 0xc000000010000000
		0x90c50020, // stw r6, 0x20(r5): no RAM
		0x80e50024, // lwz r7, 0x24(r5)
		0x386007f0, // li r3, guestDone
		0x44000022, // sc 1
	)
	needCap(t, vm, uapi.CapPPCMMURadix, "")
	radixTables(t, r)
	must(t, r.StoreUint64(0x2000, 41))
	must(t, vm.PPCConfigureV3MMU(&uapi.PPCMmuv3Cfg{Flags: uapi.PPCMmuv3Radix, ProcessTable: processTableRadix | radixProcesses}))
	must(t, v.SetRegs(&uapi.Regs{PC: 0xc000000000000000 + guestBase, MSR: msrSF | msrME | msrIR | msrDR | msrLE}))
	x := runUntil(t, v, uapi.ExitMMIO).MMIO()
	if !x.Write || x.GPA != 0x10000020 || x.Data().Uint64() != 42 {
		t.Errorf("MMIO = %+v with %#x", x, x.Data().Uint64())
	}
	x = runUntil(t, v, uapi.ExitMMIO).MMIO()
	if x.Write || x.GPA != 0x10000024 {
		t.Errorf("MMIO = %+v", x)
	}
	x.Data().SetUint64(0x12345678)
	runToCall(t, v, guestDone)
	if regs, err := v.Regs(); err != nil || regs.GPR[7] != 0x12345678 {
		t.Errorf("the guest read %#x, %v", regs.GPR[7], err)
	}
	if got, err := r.LoadUint64(0x2008); got != 42 || err != nil {
		t.Errorf("the guest wrote %d, %v; want 42", got, err)
	}
}
