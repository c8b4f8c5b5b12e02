package probe

import (
	"encoding/binary"
	"fmt"

	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// Guest-physical addresses of the guest's memory, which it sees at the same linear
// addresses.
const (
	ramAddr  = 0
	pml4Addr = 0x1000
	pdptAddr = 0x2000
	pdAddr   = 0x3000
	loopCode = 0x4000
	exitCode = 0x4100
	stackTop = 0x8000
	// nowhere is an address without a page, and nothing handles the fault.
	nowhere = 0x10000000
)

// deviceExit is the exit for exitPort, which the guests write to when they are done.
const (
	deviceExit = uapi.ExitIO
	exitPort   = 0x10
)

// contents are the page tables and the code, which is the same for both modes: with
// I/O privilege, user mode may use ports.
var contents = map[int64][]byte{
	pml4Addr: binary.LittleEndian.AppendUint64(nil, pdptAddr|pageTable),
	pdptAddr: binary.LittleEndian.AppendUint64(nil, pdAddr|pageTable),
	pdAddr:   binary.LittleEndian.AppendUint64(nil, 0|pageTable|pageLarge),
	loopCode: {
		0x48, 0xff, 0xc9, // again: dec rcx
		0x75, 0xfb, //              jnz again
		0xe6, exitPort, //          out exitPort, al
		0x0f, 0x0b, //              ud2
	},
	exitCode: {
		0xe6, exitPort, // again: out exitPort, al
		0xeb, 0xfc, //            jmp again
	},
}

// Page table entry bits: a page of 2 MiB that user mode may write.
const (
	pagePresent = 1 << 0
	pageWrite   = 1 << 1
	pageUser    = 1 << 2
	pageLarge   = 1 << 7
	pageTable   = pagePresent | pageWrite | pageUser
)

// Control register and flag bits of long mode.
const (
	cr0PE, cr0ET, cr0PG = 1 << 0, 1 << 4, 1 << 31
	cr4PAE              = 1 << 5
	eferLME, eferLMA    = 1 << 8, 1 << 10
	flagsReserved       = 1 << 1
	flagsIOPL           = 3 << 12
)

// prepare gives the vCPU what the host supports.
func (g *guest) prepare(sys *kvm.System) error {
	features, err := sys.SupportedCPUID()
	if err != nil {
		return err
	}
	return g.cpu.SetCPUID2(features)
}

// enter sets the vCPU up to run the code at pc with n in RCX.
func (g *guest) enter(m mode, pc, n uint64) error {
	s, err := g.cpu.Sregs()
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	s.CR0, s.CR3, s.CR4, s.EFER = cr0PE|cr0ET|cr0PG, pml4Addr, cr4PAE, eferLME|eferLMA
	s.CS = segment(m, 1)
	data := segment(m, 2)
	s.DS, s.ES, s.FS, s.GS, s.SS = data, data, data, data, data
	if err := g.cpu.SetSregs(&s); err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	regs := uapi.Regs{RIP: pc, RSP: stackTop, RCX: n, RFLAGS: flagsReserved | flagsIOPL}
	if err := g.cpu.SetRegs(&regs); err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	return nil
}

// segment is a flat segment: code with index 1, data with any other.
func segment(m mode, index uint16) uapi.Segment {
	s := uapi.Segment{
		Limit: 0xffffffff, Selector: index<<3 | uint16(m), DPL: uint8(m), Present: 1, S: 1, G: 1,
	}
	if index == 1 {
		s.Type, s.L = 11, 1 // execute, read, accessed
	} else {
		s.Type, s.DB = 3, 1 // read, write, accessed
	}
	return s
}
