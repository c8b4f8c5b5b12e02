package machine

import (
	"fmt"
	"math/bits"

	"linuxkvm/boot/riscv64"
	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

const pageSize = riscv64.PageSize

type layout = riscv64.Layout

// BootConfig is the part of a Config that only riscv64 has: nothing.
type BootConfig struct{}

// createVM makes the VM and, where the host has it, its interrupt controller.
func (m *Machine) createVM() error {
	l, err := riscv64.NewLayout(m.cfg.Memory)
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	m.layout = l
	if m.vm, err = m.cfg.System.CreateVM(); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	if err := m.checkCPUs(); err != nil {
		return err
	}
	if err := m.checkAddresses(); err != nil {
		return err
	}
	if err := m.createAIA(); err != nil {
		return fmt.Errorf("machine: interrupt controller: %w", err)
	}
	return nil
}

// checkAddresses refuses more memory than guest-physical addresses reach.
func (m *Machine) checkAddresses() error {
	limit, err := m.vm.CheckExtension(uapi.CapVMGPABits)
	if err != nil {
		return err
	}
	need := bits.Len64(m.layout.RAM().End() - 1)
	if limit != 0 && need > limit {
		return fmt.Errorf("machine: %d bytes of memory: this host's guests have addresses of %d bits, and this takes %d",
			m.cfg.Memory, limit, need)
	}
	return nil
}

// createMemory makes guest RAM.
func (m *Machine) createMemory() error { return m.mapRAM(m.layout.RAM()) }

// setupCPU has nothing to do: KVM makes a vCPU like the host's processor, and keeps
// all but the first stopped until the kernel has the SBI start them.
func (m *Machine) setupCPU(*kvm.VCPU) error { return nil }

// loadKernel puts the kernel, its initrd and the devicetree into guest memory and
// the first vCPU at its entry.
func (m *Machine) loadKernel() error {
	board, err := m.describe()
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	loaded, err := riscv64.Load(m.space, riscv64.Config{
		Kernel: m.cfg.Kernel, Initrd: m.cfg.Initrd, Cmdline: m.cfg.Cmdline, Layout: m.layout, Board: board,
	})
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	for id, v := range map[uint64]uint64{
		regPC: loaded.Entry.PC, regA0: loaded.Entry.A0, regA1: loaded.Entry.A1,
	} {
		if err := m.cpus[0].SetOneRegUint64(id, v); err != nil {
			return fmt.Errorf("machine: vCPU 0: register %#x: %w", id, err)
		}
	}
	return nil
}

// describe says what the guest's devicetree tells.
func (m *Machine) describe() (riscv64.Board, error) {
	b := riscv64.Board{CPUs: m.cfg.CPUs, AIA: m.chips.ids, UART: true, RTC: true, Virtio: m.virtioNodes()}
	var err error
	if b.TimebaseFrequency, err = m.cpus[0].OneRegUint64(regTimebase); err != nil {
		return b, err
	}
	b.ISA, err = instructionSet(m.cpus[0], m.hasAIA())
	return b, err
}
