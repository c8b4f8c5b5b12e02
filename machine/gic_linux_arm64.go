package machine

import (
	"errors"
	"fmt"

	"linuxkvm/boot/arm64"
	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// gic is the interrupt controller, of either version.
type gic interface {
	SetNrIRQs(n uint32) error
	Init() error
	Close() error
}

// chips are the GIC, and behind it the ITS of a GICv3 that has one.
type chips struct {
	gic gic
	its *kvm.VGICITS
}

func (c *chips) close() error {
	var errs []error
	if c.gic != nil {
		errs = append(errs, c.gic.Close())
	}
	if c.its != nil {
		errs = append(errs, c.its.Close())
	}
	return errors.Join(errs...)
}

// createGIC makes a GICv3, with a translation service if the host's KVM has that, or
// else a GICv2, which some older hosts have only.
func (m *Machine) createGIC() error {
	v3, err := m.vm.HasDevice(uapi.DevTypeArmVGICV3)
	if err != nil {
		return err
	}
	if !v3 {
		return m.createGICv2()
	}
	if err := m.createGICv3(); err != nil {
		return err
	}
	its, err := m.vm.HasDevice(uapi.DevTypeArmVGICITS)
	if err != nil || !its {
		return err
	}
	if m.chips.its, err = m.vm.CreateVGICITS(); err != nil {
		return err
	}
	return m.chips.its.SetAddr(arm64.GICITSAddr)
}

func (m *Machine) createGICv2() error {
	g, err := m.vm.CreateVGICV2()
	if err != nil {
		return err
	}
	m.chips.gic = g
	if err := g.SetDistAddr(arm64.GICDistAddr); err != nil {
		return err
	}
	return g.SetCPUAddr(arm64.GICCPUAddr)
}

func (m *Machine) createGICv3() error {
	g, err := m.vm.CreateVGICV3()
	if err != nil {
		return err
	}
	m.chips.gic = g
	if err := g.SetDistAddr(arm64.GICDistAddr); err != nil {
		return err
	}
	return g.SetRedistAddr(arm64.GICRedistAddr)
}

// startInterrupts completes the interrupt controllers, once every vCPU is there.
func (m *Machine) startInterrupts() error {
	if err := m.chips.start(); err != nil {
		return fmt.Errorf("machine: interrupt controller: %w", err)
	}
	return nil
}

func (c *chips) start() error {
	if err := c.gic.SetNrIRQs(arm64.SPIBase + arm64.SPIs); err != nil {
		return err
	}
	if err := c.gic.Init(); err != nil || c.its == nil {
		return err
	}
	return c.its.Init()
}

// gicVersion is that of the interrupt controller.
func (m *Machine) gicVersion() int {
	if _, v3 := m.chips.gic.(*kvm.VGICV3); v3 {
		return 3
	}
	return 2
}

func (m *Machine) hasITS() bool { return m.chips.its != nil }

// spi is the line of a shared interrupt.
func (m *Machine) spi(number uint32) gsi {
	return gsi{m.vm, uapi.ArmIRQTypeSPI<<uapi.ArmIRQTypeShift | (arm64.SPIBase + number)}
}

// setupCPU makes a vCPU like the host's processor. The kernel has PSCI start all
// but the first, and switch the machine off.
func (m *Machine) setupCPU(cpu *kvm.VCPU) error {
	init, err := m.vm.ArmPreferredTarget()
	if err != nil {
		return err
	}
	init.Features[0] |= 1 << uapi.ArmVCPUPSCI0_2
	if cpu.ID() != 0 {
		init.Features[0] |= 1 << uapi.ArmVCPUPowerOff
	}
	// Both kinds of pointer authentication go together.
	authentic := uint32(1<<uapi.ArmVCPUPtrauthAddress | 1<<uapi.ArmVCPUPtrauthGeneric)
	for _, c := range []uapi.Cap{uapi.CapArmPtrauthAddress, uapi.CapArmPtrauthGeneric} {
		n, err := m.vm.CheckExtension(c)
		if err != nil {
			return err
		}
		if n == 0 {
			authentic = 0
		}
	}
	init.Features[0] |= authentic
	return cpu.ArmVCPUInit(&init)
}
