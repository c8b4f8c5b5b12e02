package kvm

import "linuxkvm/uapi"

// LoongarchFeature is something that a VM's processors may have.
type LoongarchFeature uint64

// The features.
const (
	LoongarchLSX         LoongarchFeature = uapi.LoongarchVMFeatLSX
	LoongarchLASX        LoongarchFeature = uapi.LoongarchVMFeatLASX
	LoongarchX86BT       LoongarchFeature = uapi.LoongarchVMFeatX86bt
	LoongarchArmBT       LoongarchFeature = uapi.LoongarchVMFeatArmbt
	LoongarchMIPSBT      LoongarchFeature = uapi.LoongarchVMFeatMipsbt
	LoongarchPMU         LoongarchFeature = uapi.LoongarchVMFeatPMU
	LoongarchPVIPI       LoongarchFeature = uapi.LoongarchVMFeatPVIPI
	LoongarchPVStealTime LoongarchFeature = uapi.LoongarchVMFeatPVStealtime
	LoongarchPTW         LoongarchFeature = uapi.LoongarchVMFeatPTW
	LoongarchMsgInt      LoongarchFeature = uapi.LoongarchVMFeatMsgint
	LoongarchPVPreempt   LoongarchFeature = uapi.LoongarchVMFeatPVPreempt
)

// HasLoongarchFeature reports whether the VM's processors can have a feature.
//
// attr: KVM_LOONGARCH_VM_FEAT_CTRL (vm) · since: Linux 6.12
func (vm *VM) HasLoongarchFeature(f LoongarchFeature) (bool, error) {
	return vm.HasAttr(uapi.LoongarchVMFeatCtrl, uint64(f))
}

// LoongarchCPUCFG is what CPUCFG tells the guest, as attributes of a vCPU.
type LoongarchCPUCFG struct{ attrs attributes }

// LoongarchCPUCFG returns the attributes.
func (v *VCPU) LoongarchCPUCFG() LoongarchCPUCFG { return LoongarchCPUCFG{v} }

// Mask returns which bits of a word of CPUCFG the register
// uapi.RegLoongarchCPUCFGReg may have, or, for uapi.CPUCFGKVMFeature, the features
// for guests of KVM.
//
// attr: KVM_LOONGARCH_VCPU_CPUCFG (vcpu) · since: Linux 6.11
func (c LoongarchCPUCFG) Mask(word uint32) (uint64, error) {
	return getAttr[uint64](c.attrs, uapi.LoongarchVCPUCPUCFG, uint64(word))
}

// SetKVMFeatures sets the features for guests of KVM, the same on every vCPU.
//
// attr: KVM_LOONGARCH_VCPU_CPUCFG (vcpu) · since: Linux 6.13
func (c LoongarchCPUCFG) SetKVMFeatures(features uint64) error {
	return setAttr(c.attrs, uapi.LoongarchVCPUCPUCFG, uapi.CPUCFGKVMFeature, features)
}

// LoongarchPVTime is where KVM tells the guest how long a vCPU did not run though
// it could have.
type LoongarchPVTime struct{ attrs attributes }

// LoongarchPVTime returns the attributes.
func (v *VCPU) LoongarchPVTime() LoongarchPVTime { return LoongarchPVTime{v} }

// GPA returns the guest-physical address of the structure and its flags, as the
// guest's hypercall gives them.
//
// attr: KVM_LOONGARCH_VCPU_PVTIME_CTRL, KVM_LOONGARCH_VCPU_PVTIME_GPA (vcpu) · since: Linux 6.11
func (p LoongarchPVTime) GPA() (uint64, error) {
	return getAttr[uint64](p.attrs, uapi.LoongarchVCPUPVTIMECtrl, uapi.LoongarchVCPUPVTIMEGPA)
}

// SetGPA restores the guest-physical address of the structure and its flags.
//
// attr: KVM_LOONGARCH_VCPU_PVTIME_CTRL, KVM_LOONGARCH_VCPU_PVTIME_GPA (vcpu) · since: Linux 6.11
func (p LoongarchPVTime) SetGPA(gpa uint64) error {
	return setAttr(p.attrs, uapi.LoongarchVCPUPVTIMECtrl, uapi.LoongarchVCPUPVTIMEGPA, gpa)
}
