package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"linuxkvm/kvm"
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// Guest-physical addresses of the guest's 64 KiB, which it sees at the same
// linear addresses.
const (
	ramSize  = 0x10000
	pml4Addr = 0x1000
	pdptAddr = 0x2000
	pdAddr   = 0x3000
	loopCode = 0x4000
	exitCode = 0x4100
	stackTop = 0x8000
)

// exitPort is the port that the guests write to when they are done.
const exitPort = 0x10

// code is the same for both modes: with I/O privilege, user mode may use ports.
var code = map[int64][]byte{
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

// mode is the privilege level the guest runs at.
type mode uint8

const (
	kernelMode mode = 0
	userMode   mode = 3
)

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

// patience is how long the guest may take for one run before it is given up.
const patience = 3 * time.Second

// guest is a VM with one vCPU in long mode.
type guest struct {
	vm  *kvm.VM
	cpu *kvm.VCPU
	ram *memory.Region
}

func newGuest(sys *kvm.System) (*guest, error) {
	g := &guest{}
	if err := g.build(sys); err != nil {
		g.close()
		return nil, fmt.Errorf("probe: %w", err)
	}
	return g, nil
}

func (g *guest) build(sys *kvm.System) (err error) {
	if g.ram, err = memory.New(ramSize); err != nil {
		return err
	}
	if err := g.fill(); err != nil {
		return err
	}
	if g.vm, err = sys.CreateVM(); err != nil {
		return err
	}
	if err := g.vm.SetUserMemoryRegion(0, 0, 0, g.ram); err != nil {
		return err
	}
	if g.cpu, err = g.vm.CreateVCPU(0); err != nil {
		return err
	}
	features, err := sys.SupportedCPUID()
	if err != nil {
		return err
	}
	return g.cpu.SetCPUID2(features)
}

// fill writes the page tables and the code.
func (g *guest) fill() error {
	for addr, entry := range map[int64]uint64{
		pml4Addr: pdptAddr | pageTable,
		pdptAddr: pdAddr | pageTable,
		pdAddr:   0 | pageTable | pageLarge,
	} {
		if _, err := g.ram.WriteAt(binary.LittleEndian.AppendUint64(nil, entry), addr); err != nil {
			return err
		}
	}
	for addr, bytes := range code {
		if _, err := g.ram.WriteAt(bytes, addr); err != nil {
			return err
		}
	}
	return nil
}

// close gives everything back; nothing of it can fail in a way that matters to
// a measurement that is over.
func (g *guest) close() {
	if g.cpu != nil {
		_ = g.cpu.Close()
	}
	if g.vm != nil {
		_ = g.vm.Close()
	}
	if g.ram != nil {
		_ = g.ram.Close()
	}
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

// run lets the guest run until it writes to its port, and returns how long that took.
func (g *guest) run() (time.Duration, error) {
	rescue := time.AfterFunc(patience, func() { _ = g.cpu.Kick() })
	defer rescue.Stop()
	start := time.Now()
	for {
		exit, err := g.cpu.Run()
		took := time.Since(start)
		switch {
		case err != nil:
			return 0, fmt.Errorf("probe: %w", err)
		case exit.Reason() == uapi.ExitIO:
			return took, nil
		case exit.Kicked():
			return 0, errors.New("probe: the guest did not come back")
		case exit.Reason() != uapi.ExitIntr:
			return 0, fmt.Errorf("probe: the guest ended with %v where it should have written to a port", exit.Reason())
		}
	}
}
