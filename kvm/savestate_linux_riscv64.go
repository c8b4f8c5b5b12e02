package kvm

import "linuxkvm/uapi"

// VCPUState is everything that KVM holds of a vCPU. (Of the interrupt controller the
// VMState has each vCPU's part.)
type VCPUState struct {
	StateHeader
	ID        uint32 // of the vCPU
	MPState   uint32
	Registers []RegState // all that KVM_GET_REG_LIST lists
}

func (s *VCPUState) fields() []stateField {
	return []stateField{
		valueField("id", &s.ID),
		valueField("mp_state", &s.MPState),
		regsField("one_reg", &s.Registers),
	}
}

func (v *VCPU) saveState(s *VCPUState) (err error) {
	if s.MPState, err = v.MPState(); err != nil {
		return inState("mp_state", err)
	}
	s.Registers, err = v.saveRegs()
	return err
}

// restoreState sets the multiprocessing state last, as it may stop the vCPU.
func (v *VCPU) restoreState(s *VCPUState) error {
	if err := v.restoreRegs(s.Registers, riscvStage); err != nil {
		return err
	}
	return inState("mp_state", v.SetMPState(s.MPState))
}

// riscvStage is the order of registers: the configuration and the extensions say which
// others there are. The timer comes after the pending interrupts, as it makes one, and
// in it the time, which KVM lists first, before what it is compared with and before it
// is switched on. (Kernels up to now take the order to switch it on for a time that has
// passed: the guest gets one interrupt of its timer too early, and none too late.)
func riscvStage(id uapi.Reg) int {
	switch id & uapi.RegRISCVTypeMask {
	case uapi.RegRISCVConfig, uapi.RegRISCVISAExt, uapi.RegRISCVSBIExt:
		return 0
	case uapi.RegRISCVTimer:
		return 2
	default:
		return 1
	}
}
