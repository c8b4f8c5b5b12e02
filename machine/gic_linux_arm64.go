package machine

import (
	"encoding/binary"

	"linuxkvm/boot/arm64"
	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// m.chips of an arm64 machine: the GIC, and behind it the ITS of a GICv3 that has one.
const (
	chipGIC = iota
	chipITS
)

// createGIC makes a GICv3, with a translation service if the host's KVM has that, or
// else a GICv2, which some older hosts have only.
func (m *Machine) createGIC() error {
	v3, err := m.vm.HasDevice(uapi.DevTypeArmVGICV3)
	if err != nil {
		return err
	}
	if !v3 {
		return m.addChip(uapi.DevTypeArmVGICV2, map[uint64]uint64{
			uapi.VGICV2AddrTypeDist: arm64.GICDistAddr, uapi.VGICV2AddrTypeCPU: arm64.GICCPUAddr,
		})
	}
	if err := m.addChip(uapi.DevTypeArmVGICV3, map[uint64]uint64{
		uapi.VGICV3AddrTypeDist: arm64.GICDistAddr, uapi.VGICV3AddrTypeRedist: arm64.GICRedistAddr,
	}); err != nil {
		return err
	}
	its, err := m.vm.HasDevice(uapi.DevTypeArmVGICITS)
	if err != nil || !its {
		return err
	}
	return m.addChip(uapi.DevTypeArmVGICITS, map[uint64]uint64{uapi.VGICITSAddrType: arm64.GICITSAddr})
}

// addChip makes a device of KVM and puts its parts at their addresses.
func (m *Machine) addChip(kind uint32, addrs map[uint64]uint64) error {
	chip, err := m.vm.CreateDevice(kind)
	if err != nil {
		return err
	}
	m.chips = append(m.chips, chip)
	for part, addr := range addrs {
		if err := chip.SetAttr(uapi.DevArmVGICGrpAddr, part, binary.NativeEndian.AppendUint64(nil, addr)); err != nil {
			return err
		}
	}
	return nil
}

// startGIC completes the interrupt controllers, once every vCPU is there.
func (m *Machine) startGIC() error {
	irqs := binary.NativeEndian.AppendUint32(nil, arm64.SPIBase+arm64.SPIs)
	if err := m.chips[chipGIC].SetAttr(uapi.DevArmVGICGrpNrIRQs, 0, irqs); err != nil {
		return err
	}
	for _, chip := range m.chips {
		if err := chip.SetAttr(uapi.DevArmVGICGrpCtrl, uapi.DevArmVGICCtrlInit, nil); err != nil {
			return err
		}
	}
	return nil
}

// gicVersion is that of the interrupt controller: the redistributors are a GICv3's.
func (m *Machine) gicVersion() int {
	if v3, err := m.chips[chipGIC].HasAttr(uapi.DevArmVGICGrpAddr, uapi.VGICV3AddrTypeRedist); err == nil && v3 {
		return 3
	}
	return 2
}

func (m *Machine) hasITS() bool { return len(m.chips) > chipITS }

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
