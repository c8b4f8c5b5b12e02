package machine

import (
	"fmt"

	"linuxkvm/boot/riscv64"
	"linuxkvm/device"
	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// chips are the APLIC and the IMSICs, which are one device, if the host has them.
type chips struct {
	aia *kvm.RISCVAIA
	ids uint32 // the number of identities that an IMSIC has
}

func (c *chips) close() error {
	if c.aia == nil {
		return nil
	}
	return c.aia.Close()
}

// createAIA makes an APLIC and IMSICs inside the kernel, if the host's processor has
// what that takes (the extension Ssaia). Where it does not, the machine has a PLIC of
// its own, whose accesses are exits: the other way to do without, a console that is
// polled, would be slower yet and leave no interrupts for other devices.
func (m *Machine) createAIA() error {
	has, err := m.vm.HasDevice(uapi.DevTypeRISCVAIA)
	if err != nil || !has {
		return err
	}
	m.chips.aia, err = m.vm.CreateRISCVAIA()
	return err
}

func (m *Machine) hasAIA() bool { return m.chips.aia != nil }

// startInterrupts completes the interrupt controller, once every vCPU is there.
func (m *Machine) startInterrupts() error {
	if !m.hasAIA() {
		return nil
	}
	if err := m.startAIA(); err != nil {
		return fmt.Errorf("machine: interrupt controller: %w", err)
	}
	return nil
}

func (m *Machine) startAIA() (err error) {
	aia := m.chips.aia
	if m.chips.ids, err = aia.Config(kvm.RISCVAIAIDs); err != nil {
		return err
	}
	if err := aia.SetConfig(kvm.RISCVAIASrcs, riscv64.Sources); err != nil {
		return err
	}
	if err := aia.SetConfig(kvm.RISCVAIAHartBits, riscv64.HartIndexBits(m.cfg.CPUs)); err != nil {
		return err
	}
	if err := aia.SetAPLICAddr(riscv64.APLICAddr); err != nil {
		return err
	}
	for i := range m.cpus {
		if err := aia.SetIMSICAddr(i, m.layout.IMSIC(i)); err != nil {
			return err
		}
	}
	return aia.Init()
}

// hartLine is the external interrupt of a vCPU in supervisor mode.
type hartLine struct {
	m  *Machine
	id int
}

// SetLevel implements device.Line. KVM takes it while the vCPU runs.
func (l hartLine) SetLevel(high bool) error {
	if high {
		return l.m.cpus[l.id].Interrupt(uapi.InterruptSet)
	}
	return l.m.cpus[l.id].Interrupt(uapi.InterruptUnset)
}

// wired returns the line of an interrupt: KVM's, or a PLIC's where one is given.
func (m *Machine) wired(plic *device.PLIC, irq uint32) device.Line {
	if plic != nil {
		return plic.Source(int(irq))
	}
	return gsi{m.vm, irq}
}
