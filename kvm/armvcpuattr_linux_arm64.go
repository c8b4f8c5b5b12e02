package kvm

import "linuxkvm/uapi"

// ArmTimer is one of the timers that a vCPU has.
type ArmTimer uint64

// The timers.
const (
	ArmVTimer  ArmTimer = uapi.ArmVCPUTimerIRQVTIMER  // EL1 virtual, INTID 27 unless it is set
	ArmPTimer  ArmTimer = uapi.ArmVCPUTimerIRQPTIMER  // EL1 physical, INTID 30
	ArmHVTimer ArmTimer = uapi.ArmVCPUTimerIRQHVTIMER // EL2 virtual, INTID 28
	ArmHPTimer ArmTimer = uapi.ArmVCPUTimerIRQHPTIMER // EL2 physical, INTID 26
)

// ArmTimers is what is set of the timers' interrupts, on one vCPU for all that
// there are, before any runs. The kernel's document is virt/kvm/devices/vcpu.rst.
type ArmTimers struct{ attrs attributes }

// ArmTimers returns the settings of the timers' interrupts.
func (v *VCPU) ArmTimers() ArmTimers { return ArmTimers{v} }

// IRQ returns the INTID of a timer's interrupt.
//
// attr: KVM_ARM_VCPU_TIMER_CTRL (vcpu) · since: Linux 4.13
func (t ArmTimers) IRQ(timer ArmTimer) (int32, error) {
	return getAttr[int32](t.attrs, uapi.ArmVCPUTimerCtrl, uint64(timer))
}

// SetIRQ sets the INTID of a timer's interrupt, a private one: 16 to 31.
//
// attr: KVM_ARM_VCPU_TIMER_CTRL (vcpu) · since: Linux 4.13
func (t ArmTimers) SetIRQ(timer ArmTimer, intid int32) error {
	if err := checkRange("the INTID of a timer's interrupt", intid, 16, 31); err != nil {
		return err
	}
	return setAttr(t.attrs, uapi.ArmVCPUTimerCtrl, uint64(timer), intid)
}

// ArmPVTime is where KVM tells the guest how long a vCPU did not run though it
// could have. The kernel's documents are virt/kvm/devices/vcpu.rst and
// virt/kvm/arm/pvtime.rst.
type ArmPVTime struct{ attrs attributes }

// ArmPVTime returns the settings of the vCPU's stolen time.
func (v *VCPU) ArmPVTime() ArmPVTime { return ArmPVTime{v} }

// IPA returns the guest-physical address of the structure, all ones for none.
//
// attr: KVM_ARM_VCPU_PVTIME_CTRL, KVM_ARM_VCPU_PVTIME_IPA (vcpu) · since: Linux 5.5
func (p ArmPVTime) IPA() (uint64, error) {
	return getAttr[uint64](p.attrs, uapi.ArmVCPUPVTIMECtrl, uapi.ArmVCPUPVTIMEIPA)
}

// SetIPA sets the guest-physical address of the structure, once: 64 bytes that are
// aligned, in a slot.
//
// attr: KVM_ARM_VCPU_PVTIME_CTRL, KVM_ARM_VCPU_PVTIME_IPA (vcpu) · since: Linux 5.5
func (p ArmPVTime) SetIPA(gpa uint64) error {
	return setAligned(p.attrs, uapi.ArmVCPUPVTIMECtrl, uapi.ArmVCPUPVTIMEIPA, "the address of the stolen time", gpa, 64)
}
