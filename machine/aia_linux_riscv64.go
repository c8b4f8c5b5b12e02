package machine

import (
	"encoding/binary"

	"linuxkvm/boot/riscv64"
	"linuxkvm/device"
	"linuxkvm/uapi"
)

// createAIA makes an APLIC and IMSICs inside the kernel, if the host's processor has
// what that takes (the extension Ssaia). Where it does not, the machine has a PLIC of
// its own, whose accesses are exits: the other way to do without, a console that is
// polled, would be slower yet and leave no interrupts for other devices.
func (m *Machine) createAIA() error {
	has, err := m.vm.HasDevice(uapi.DevTypeRISCVAIA)
	if err != nil || !has {
		return err
	}
	chip, err := m.vm.CreateDevice(uapi.DevTypeRISCVAIA)
	if err != nil {
		return err
	}
	m.chips = append(m.chips, chip)
	return nil
}

func (m *Machine) hasAIA() bool { return len(m.chips) > 0 }

// startAIA completes the interrupt controller, once every vCPU is there, and returns
// the number of identities that an IMSIC has, 0 without one.
func (m *Machine) startAIA() (ids uint32, err error) {
	if !m.hasAIA() {
		return 0, nil
	}
	chip := m.chips[0]
	var word [4]byte
	if err := chip.Attr(uapi.DevRISCVAIAGrpConfig, uapi.DevRISCVAIAConfigIDs, word[:]); err != nil {
		return 0, err
	}
	ids = binary.NativeEndian.Uint32(word[:])
	for attr, v := range map[uint64]uint32{
		uapi.DevRISCVAIAConfigSrcs:     riscv64.Sources,
		uapi.DevRISCVAIAConfigHartBits: riscv64.HartIndexBits(m.cfg.CPUs),
	} {
		if err := chip.SetAttr(uapi.DevRISCVAIAGrpConfig, attr, binary.NativeEndian.AppendUint32(nil, v)); err != nil {
			return 0, err
		}
	}
	if err := chip.SetAttr(uapi.DevRISCVAIAGrpAddr, uapi.DevRISCVAIAAddrAPLIC, binary.NativeEndian.AppendUint64(nil, riscv64.APLICAddr)); err != nil {
		return 0, err
	}
	for i := range m.cpus {
		// Behind the APLIC's number come those of the IMSICs.
		attr := uint64(uapi.DevRISCVAIAAddrAPLIC + 1 + i)
		if err := chip.SetAttr(uapi.DevRISCVAIAGrpAddr, attr, binary.NativeEndian.AppendUint64(nil, m.layout.IMSIC(i))); err != nil {
			return 0, err
		}
	}
	return ids, chip.SetAttr(uapi.DevRISCVAIAGrpCtrl, uapi.DevRISCVAIACtrlInit, nil)
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
