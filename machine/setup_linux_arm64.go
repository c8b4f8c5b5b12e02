package machine

import (
	"fmt"
	"math/bits"

	"linuxkvm/boot/arm64"
	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

const pageSize = arm64.PageSize

type layout = arm64.Layout

// BootConfig is the part of a Config that only arm64 has: nothing.
type BootConfig struct{}

// createVM makes the VM, with a guest-physical space that is large enough, and its
// interrupt controller.
func (m *Machine) createVM() error {
	l, err := arm64.NewLayout(m.cfg.Memory)
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	m.layout = l
	kind, err := m.vmType()
	if err != nil {
		return err
	}
	if m.vm, err = m.cfg.System.CreateVMType(kind); err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	if err := m.checkCPUs(); err != nil {
		return err
	}
	if err := m.createGIC(); err != nil {
		return fmt.Errorf("machine: interrupt controller: %w", err)
	}
	return nil
}

// defaultIPABits is the size of a VM's guest-physical space where it is not chosen.
const defaultIPABits = 40

// vmType is the size of the guest-physical space in bits, 0 for the default: that of
// every host whose processor has as many.
func (m *Machine) vmType() (uint64, error) {
	limit, err := m.cfg.System.CheckExtension(uapi.CapArmVMIPASize)
	if err != nil {
		return 0, err
	}
	if limit == 0 {
		limit = defaultIPABits // Linux before 4.20
	}
	need := bits.Len64(m.layout.RAM().End() - 1)
	switch {
	case need > limit:
		return 0, fmt.Errorf("machine: %d bytes of memory: this host's guests have addresses of %d bits, and this takes %d",
			m.cfg.Memory, limit, need)
	case need > defaultIPABits:
		return uint64(need), nil
	case limit < defaultIPABits:
		return uint64(limit), nil
	}
	return 0, nil
}

// createMemory makes guest RAM.
func (m *Machine) createMemory() error { return m.mapRAM(m.layout.RAM()) }

// loadKernel puts the kernel, its initrd and the devicetree into guest memory and
// the first vCPU at its entry.
func (m *Machine) loadKernel() error {
	board, err := m.describe()
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	loaded, err := arm64.Load(m.space, arm64.Config{
		Kernel: m.cfg.Kernel, Initrd: m.cfg.Initrd, Cmdline: m.cfg.Cmdline, Layout: m.layout, Board: board,
	})
	if err != nil {
		return fmt.Errorf("machine: %w", err)
	}
	return setRegs(m.cpus[0], map[uint64]uint64{
		regPC: loaded.Entry.PC, regX0: loaded.Entry.X0, regPSTATE: loaded.Entry.PSTATE,
	})
}

// describe says what the guest's devicetree tells.
func (m *Machine) describe() (arm64.Board, error) {
	b := arm64.Board{GICVersion: m.gicVersion(), ITS: m.hasITS(), UART: true, RTC: true, Virtio: m.virtioNodes()}
	for _, cpu := range m.cpus {
		mpidr, err := cpu.OneRegUint64(regMPIDR)
		if err != nil {
			return b, err
		}
		b.CPUs = append(b.CPUs, mpidr&affinityMask)
	}
	return b, nil
}

// affinityMask are the bits of MPIDR_EL1 that name a processor.
const affinityMask = 0xff_00ff_ffff

func setRegs(cpu *kvm.VCPU, values map[uint64]uint64) error {
	for id, v := range values {
		if err := cpu.SetOneRegUint64(id, v); err != nil {
			return fmt.Errorf("machine: vCPU %d: register %#x: %w", cpu.ID(), id, err)
		}
	}
	return nil
}
