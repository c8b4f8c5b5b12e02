package machine

import (
	"fmt"

	"linuxkvm/boot/x86"
	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

const pageSize = x86.PageSize

type layout = x86.Layout

// BootConfig is the part of a Config that only amd64 has.
type BootConfig struct {
	// Protocol is the way into the kernel; the zero value chooses the fastest.
	Protocol x86.Protocol
}

// chips are none: KVM's interrupt controllers are no devices on amd64.
type chips struct{}

func (chips) close() error { return nil }

// createVM makes the VM with the interrupt controllers and the timer of a PC
// inside the kernel: PICs, IOAPIC, a local APIC for each vCPU, and the PIT.
func (m *Machine) createVM() error {
	vm, err := m.cfg.System.CreateVM()
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	m.vm = vm
	if err := m.checkCPUs(); err != nil {
		return err
	}
	// Intel processors need both; they cost nothing elsewhere.
	if err := vm.SetIdentityMapAddr(x86.IdentityMapAddr); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	if err := vm.SetTSSAddr(x86.TSSAddr); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	if err := vm.CreateIRQChip(); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	// The guest's ACPI is hardware-reduced, so that its kernel never masks the
	// PICs: without a route nothing reaches them.
	if err := vm.SetGSIRouting(ioapicRoutes()); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	if err := vm.CreatePIT2(uapi.PITSpeakerDummy); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	return nil
}

// createMemory makes guest RAM and puts it into slots.
func (m *Machine) createMemory() error {
	l, err := x86.NewLayout(m.cfg.Memory)
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	m.layout = l
	return m.mapRAM(l.RAM()...)
}

// startInterrupts has nothing to do: the interrupt controllers came with the VM.
func (m *Machine) startInterrupts() error { return nil }

// loadKernel puts the kernel, its initrd and the tables into guest memory and
// the first vCPU at its entry.
func (m *Machine) loadKernel() error {
	rsdp, err := m.firmware()
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	loaded, err := x86.Load(m.space, x86.Config{
		Kernel: m.cfg.Kernel, Initrd: m.cfg.Initrd, Cmdline: m.cfg.Cmdline,
		Layout: m.layout, RSDP: rsdp, Protocol: m.cfg.Protocol, ZeroedRAM: true,
	})
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	return enterKernel(m.cpus[0], loaded.Entry)
}

// enterKernel sets the first vCPU's registers; the others wait for INIT and SIPI.
func enterKernel(cpu *kvm.VCPU, e x86.Entry) error {
	s, err := cpu.Sregs()
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	data := segment(e.Data)
	s.CS, s.DS, s.ES, s.FS, s.GS, s.SS = segment(e.CS), data, data, data, data, data
	s.TR, s.LDT = segment(e.TR), uapi.Segment{Unusable: 1}
	s.GDT = uapi.Dtable{Base: e.GDTBase, Limit: e.GDTLimit}
	s.IDT = uapi.Dtable{}
	s.CR0, s.CR3, s.CR4, s.EFER = e.CR0, e.CR3, e.CR4, e.EFER
	if err := cpu.SetSregs(&s); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	if err := cpu.SetRegs(&uapi.Regs{
		RIP: e.RIP, RSP: e.RSP, RBX: e.RBX, RSI: e.RSI, RFLAGS: e.RFLAGS,
	}); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	return nil
}

func segment(s x86.Segment) uapi.Segment {
	return uapi.Segment{
		Base: s.Base, Limit: s.Limit, Selector: s.Selector, Type: s.Type, Present: s.Present,
		DPL: s.DPL, DB: s.DB, S: s.S, L: s.L, G: s.G, AVL: s.AVL,
	}
}

// ioapicRoutes leads each interrupt line to the IOAPIC's pin of that number.
func ioapicRoutes() *kvm.GSIRoutes {
	var r kvm.GSIRoutes
	for pin := range uint32(x86.IOAPICPins) {
		r.IRQChip(pin, uapi.IRQChipIOAPIC, pin)
	}
	return &r
}
