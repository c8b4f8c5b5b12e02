package kvm

import (
	"linuxkvm/uapi"
)

// VCPUState is everything that KVM holds of a vCPU. (Of the interrupt controller the
// VMState has each vCPU's part.)
type VCPUState struct {
	StateHeader
	ID      uint32 // of the vCPU
	MPState uint32
	Events  *uapi.VCPUEvents // where the host has them
	// Registers are all that KVM_GET_REG_LIST lists. Older kernels, 6.1 for one, do not
	// give the physical timer: a guest that uses that one loses it.
	Registers []RegState
}

func (s *VCPUState) fields() []stateField {
	return []stateField{
		valueField("id", &s.ID),
		valueField("mp_state", &s.MPState),
		optionalField("vcpu_events", &s.Events),
		regsField("one_reg", &s.Registers),
	}
}

func (v *VCPU) saveState(s *VCPUState) (err error) {
	if s.MPState, err = v.MPState(); err != nil {
		return inState("mp_state", err)
	}
	if n, err := v.vm.CheckExtension(uapi.CapVCPUEvents); err != nil {
		return inState("vcpu_events", err)
	} else if n != 0 {
		events, err := v.VCPUEvents()
		if err != nil {
			return inState("vcpu_events", err)
		}
		s.Events = &events
	}
	s.Registers, err = v.saveRegs()
	return err
}

// restoreState has ArmVCPUInit, and ArmVCPUFinalize, behind it: they are the caller's,
// who knows the features. The multiprocessing state comes last, as it may stop the vCPU.
func (v *VCPU) restoreState(s *VCPUState) error {
	if err := v.restoreRegs(s.Registers, armStage); err != nil {
		return err
	}
	if s.Events != nil {
		if err := v.SetVCPUEvents(s.Events); err != nil {
			return inState("vcpu_events", err)
		}
	}
	return inState("mp_state", v.SetMPState(s.MPState))
}

// armStage is the order of registers: the version and the services of the firmware
// and the vectors' lengths say what there is; the identification registers are what
// others are judged by; a timer's counter comes before its comparator, and both before
// it is switched on.
func armStage(id uapi.Reg) int {
	switch id {
	case uapi.RegArm64SVEVLs.Reg():
		return 0
	case uapi.RegArmTimerCnt.Reg(), uapi.RegArmPTIMERCnt.Reg():
		return 3
	case uapi.RegArmTimerCval.Reg(), uapi.RegArmPTIMERCval.Reg():
		return 4
	case uapi.RegArmTimerCtl.Reg(), uapi.RegArmPTIMERCtl.Reg():
		return 5
	}
	const kind = 0xffff << uapi.RegArmCoprocShift
	switch {
	case id&kind == uapi.RegArmFw, id&kind == uapi.RegArmFwFeatBmap:
		return 0
	}
	if op0, op1, crn, _, _, ok := uapi.RegArm64SysregOps(id); ok && op0 == 3 && op1 == 0 && crn == 0 {
		return 1
	}
	return 2
}
