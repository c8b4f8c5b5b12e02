package kvm

import "linuxkvm/uapi"

// ArmPMU is what is set of a vCPU's performance counters, for which it has the
// feature ArmPMUv3, before it runs. The kernel's document is
// virt/kvm/devices/vcpu.rst.
type ArmPMU struct{ attrs attributes }

// ArmPMU returns the settings of the vCPU's performance counters.
func (v *VCPU) ArmPMU() ArmPMU { return ArmPMU{v} }

// IRQ returns the INTID of the overflow interrupt; ENXIO means that none is set.
//
// attr: KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_IRQ (vcpu) · since: Linux 4.6
func (p ArmPMU) IRQ() (int32, error) {
	return getAttr[int32](p.attrs, uapi.ArmVCPUPMUV3Ctrl, uapi.ArmVCPUPMUV3IRQ)
}

// SetIRQ sets the INTID of the overflow interrupt: a private one, 16 to 31, the
// same for all vCPUs, or shared ones, to 1019, a different one for each.
//
// attr: KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_IRQ (vcpu) · since: Linux 4.6
func (p ArmPMU) SetIRQ(intid int32) error {
	if err := checkRange("the INTID of a PMU's interrupt", intid, 16, 1019); err != nil {
		return err
	}
	return setAttr(p.attrs, uapi.ArmVCPUPMUV3Ctrl, uapi.ArmVCPUPMUV3IRQ, intid)
}

// AddFilter lets the guest count events from base on, n of them, or not: action is
// uapi.PMUEventAllow or PMUEventDeny. The first filter also says what is done with
// all others: the opposite.
//
// attr: KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_FILTER (vcpu) · since: Linux 5.10
func (p ArmPMU) AddFilter(base, n uint16, action uint8) error {
	if n == 0 || int(base)+int(n) > 1<<16 || action > uapi.PMUEventDeny {
		return invalid("PMU filter %d for %d events from %#x on: want PMUEventAllow or PMUEventDeny and at least one event up to 0xffff", action, n, base)
	}
	return setAttr(p.attrs, uapi.ArmVCPUPMUV3Ctrl, uapi.ArmVCPUPMUV3Filter,
		uapi.PMUEventFilter{BaseEvent: base, Nevents: n, Action: action})
}

// SetPMU selects which of the host's counters are used, by the number in
// /sys/bus/event_source/devices/*/type, for all vCPUs.
//
// attr: KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_SET_PMU (vcpu) · since: Linux 5.18
func (p ArmPMU) SetPMU(id int32) error {
	return setAttr(p.attrs, uapi.ArmVCPUPMUV3Ctrl, uapi.ArmVCPUPMUV3SetPMU, id)
}

// SetNrCounters sets how many counters there are besides that of cycles, up to 31,
// after SetPMU.
//
// attr: KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_SET_NR_COUNTERS (vcpu) · since: Linux 6.16
func (p ArmPMU) SetNrCounters(n uint32) error {
	if err := checkRange("the number of event counters", n, 0, 31); err != nil {
		return err
	}
	return setAttr(p.attrs, uapi.ArmVCPUPMUV3Ctrl, uapi.ArmVCPUPMUV3SetNrCounters, n)
}

// Init ends the settings, after the interrupt controller's Init if that is in the
// kernel.
//
// attr: KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_INIT (vcpu) · since: Linux 4.6
func (p ArmPMU) Init() error {
	return orderAttr(p.attrs, uapi.ArmVCPUPMUV3Ctrl, uapi.ArmVCPUPMUV3Init)
}
