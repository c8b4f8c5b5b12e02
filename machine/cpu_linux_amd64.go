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

// Local vector table entries that firmware would have set: NMI on LINT1. LINT0
// is for a legacy interrupt controller, which the guest does not have.
const (
	lvtModeNMI = 4 << 8
	lvtMasked  = 1 << 16
)

// setupCPU gives a vCPU its identity and the state that firmware leaves.
func (m *Machine) setupCPU(cpu *kvm.VCPU) error {
	if err := m.setCPUID(cpu); err != nil {
		return err
	}
	// MSRs come after CPUID: KVM lets the guest's features decide which exist.
	if err := cpu.SetMSRs(
		uapi.MSREntry{Index: msrMiscEnable, Data: miscFastString},
		uapi.MSREntry{Index: msrMTRRDefType, Data: mtrrEnable | mtrrTypeWriteBack},
	); err != nil {
		return err
	}
	return setupLAPIC(cpu)
}

// setupLAPIC connects the NMI line, and cuts the legacy interrupt controller
// off, which KVM connects to the first vCPU.
func setupLAPIC(cpu *kvm.VCPU) error {
	lapic, err := cpu.LAPIC()
	if err != nil {
		return err
	}
	lapic.SetReg(kvm.APICLVT0, lvtMasked)
	lapic.SetReg(kvm.APICLVT1, lvtModeNMI)
	return cpu.SetLAPIC(&lapic)
}
