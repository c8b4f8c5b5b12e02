package machine

import (
	"linuxkvm/kvm"
	"linuxkvm/uapi"
)

// Model-specific registers that firmware would have set.
const (
	msrMiscEnable     = 0x1a0
	msrMTRRDefType    = 0x2ff
	miscFastString    = 1 << 0
	mtrrEnable        = 1 << 11
	mtrrTypeWriteBack = 6
)

// Local APIC registers and values that firmware would have set: the legacy
// interrupt controller on LINT0, NMI on LINT1.
const (
	lapicLVT0    = 0x350
	lapicLVT1    = 0x360
	lvtModeNMI   = 4 << 8
	lvtModeExt   = 7 << 8
	lvtModeField = 7 << 8
	lvtMasked    = 1 << 16
)

// setupCPU gives a vCPU its identity and the state that firmware leaves.
func (m *Machine) setupCPU(cpu *kvm.VCPU) error {
	if err := m.setCPUID(cpu); err != nil {
		return err
	}
	// MSRs come after CPUID: KVM lets the guest's features decide which exist.
	if err := cpu.SetMSRs([]uapi.MSREntry{
		{Index: msrMiscEnable, Data: miscFastString},
		{Index: msrMTRRDefType, Data: mtrrEnable | mtrrTypeWriteBack},
	}); err != nil {
		return err
	}
	return setupLAPIC(cpu)
}

// setupLAPIC connects the legacy interrupt controller and the NMI line, which
// a kernel expects of a processor that firmware has seen.
func setupLAPIC(cpu *kvm.VCPU) error {
	lapic, err := cpu.LAPIC()
	if err != nil {
		return err
	}
	for _, pin := range []struct{ reg, mode uint32 }{{lapicLVT0, lvtModeExt}, {lapicLVT1, lvtModeNMI}} {
		v := lapic.Register(pin.reg)
		lapic.SetRegister(pin.reg, v&^(lvtModeField|lvtMasked)|pin.mode)
	}
	return cpu.SetLAPIC(lapic)
}
