package kvm

import (
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// Where longMode puts its page tables.
const longTables = 0x8000

// longMode makes the vCPU run code at guestBase in 64-bit mode, at a privilege
// level of 0 or 3, with the first 2 MiB mapped to themselves. Level 3 may use
// ports. r is the RAM at address 0, of 64 KiB or more.
//
// On a host whose KVM emulates kernel mode, level 3 is what runs natively.
func longMode(tb testing.TB, v *VCPU, r *memory.Region, level uint8, code ...byte) {
	tb.Helper()
	must(tb, startLong(v, r, level, code))
}

// startUserProgram makes the vCPU run the program at level 3.
func startUserProgram(v *VCPU, r *memory.Region, p program) error { return startLong(v, r, 3, p) }

func startLong(v *VCPU, r *memory.Region, level uint8, p program) error {
	sys, err := Open()
	if err != nil {
		return err
	}
	defer sys.Close()
	cpuid, err := sys.SupportedCPUID()
	if err != nil {
		return err
	}
	if err := v.SetCPUID2(cpuid); err != nil {
		return err
	}
	if _, err := r.WriteAt(p, guestBase); err != nil {
		return err
	}
	const present, write, user, large = 1, 2, 4, 0x80
	for at, entry := range map[uint64]uint64{
		longTables:          longTables + 0x1000 | present | write | user,
		longTables + 0x1000: longTables + 0x2000 | present | write | user,
		longTables + 0x2000: present | write | user | large,
	} {
		if err := r.StoreUint64(at, entry); err != nil {
			return err
		}
	}
	s, err := v.Sregs()
	if err != nil {
		return err
	}
	s.CR0, s.CR3, s.CR4 = 1<<31|1<<4|1, longTables, 1<<5 // PG, ET, PE; PAE
	s.EFER = 1<<10 | 1<<8                                // LMA, LME
	s.CS = flat(1, level)
	s.CS.Type, s.CS.L, s.CS.DB = 11, 1, 0
	s.SS = flat(2, level)
	s.DS, s.ES, s.FS, s.GS = s.SS, s.SS, s.SS, s.SS
	if err := v.SetSregs(&s); err != nil {
		return err
	}
	return v.SetRegs(&uapi.Regs{RIP: guestBase, RSP: guestBase, RFLAGS: 3<<12 | 2})
}

// flat is a data segment over everything.
func flat(index uint16, level uint8) uapi.Segment {
	return uapi.Segment{
		Limit: 0xffffffff, Selector: index<<3 | uint16(level), DPL: level,
		Type: 3, Present: 1, S: 1, DB: 1, G: 1,
	}
}

// newLongGuest is newGuest in 64-bit mode.
func newLongGuest(tb testing.TB, level uint8, code ...byte) (*VM, *VCPU, *memory.Region) {
	tb.Helper()
	vm := newTestVM(tb)
	r := addMemory(tb, vm, 0, 0, 0, 0x10000)
	v := newTestVCPU(tb, vm)
	longMode(tb, v, r, level, code...)
	return vm, v, r
}
