package kvm

import "linuxkvm/uapi"

// S390CPUModel is what kind of processors the vCPUs are; it is set before the first
// one is made (EBUSY). The kernel's document is virt/kvm/devices/vm.rst.
type S390CPUModel struct{ attrs attributes }

// S390CPUModel returns the model of the VM's processors.
func (vm *VM) S390CPUModel() S390CPUModel { return S390CPUModel{vm} }

// Processor returns the vCPUs' model: identification, level and facilities.
//
// attr: KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR (vm) · since: Linux 4.0
func (m S390CPUModel) Processor() (uapi.S390VMCPUProcessor, error) {
	return getAttr[uapi.S390VMCPUProcessor](m.attrs, uapi.S390VMCPUModel, uapi.S390VMCPUProcessorAttr)
}

// SetProcessor sets the vCPUs' model: identification, level and facilities.
//
// attr: KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR (vm) · since: Linux 4.0
func (m S390CPUModel) SetProcessor(v *uapi.S390VMCPUProcessor) error {
	return setAttrFrom(m.attrs, uapi.S390VMCPUModel, uapi.S390VMCPUProcessorAttr, v)
}

// Machine returns what the host offers for it.
//
// attr: KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_MACHINE (vm) · since: Linux 4.0
func (m S390CPUModel) Machine() (uapi.S390VMCPUMachine, error) {
	return getAttr[uapi.S390VMCPUMachine](m.attrs, uapi.S390VMCPUModel, uapi.S390VMCPUMachineAttr)
}

// ProcessorFeat returns which features the vCPUs have, bit 0 being the highest of the first word.
//
// attr: KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR_FEAT (vm) · since: Linux 4.8
func (m S390CPUModel) ProcessorFeat() (uapi.S390VMCPUFeat, error) {
	return getAttr[uapi.S390VMCPUFeat](m.attrs, uapi.S390VMCPUModel, uapi.S390VMCPUProcessorFeat)
}

// SetProcessorFeat sets which features the vCPUs have, bit 0 being the highest of the first word.
//
// attr: KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR_FEAT (vm) · since: Linux 4.8
func (m S390CPUModel) SetProcessorFeat(v *uapi.S390VMCPUFeat) error {
	return setAttrFrom(m.attrs, uapi.S390VMCPUModel, uapi.S390VMCPUProcessorFeat, v)
}

// MachineFeat returns which features the host offers.
//
// attr: KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_MACHINE_FEAT (vm) · since: Linux 4.8
func (m S390CPUModel) MachineFeat() (uapi.S390VMCPUFeat, error) {
	return getAttr[uapi.S390VMCPUFeat](m.attrs, uapi.S390VMCPUModel, uapi.S390VMCPUMachineFeat)
}

// ProcessorSubfunc returns which functions the vCPUs' instructions have.
//
// attr: KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC (vm) · since: Linux 4.8
func (m S390CPUModel) ProcessorSubfunc() (uapi.S390VMCPUSubfunc, error) {
	return getAttr[uapi.S390VMCPUSubfunc](m.attrs, uapi.S390VMCPUModel, uapi.S390VMCPUProcessorSubfunc)
}

// SetProcessorSubfunc sets which functions the vCPUs' instructions have.
//
// attr: KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR_SUBFUNC (vm) · since: Linux 4.8
func (m S390CPUModel) SetProcessorSubfunc(v *uapi.S390VMCPUSubfunc) error {
	return setAttrFrom(m.attrs, uapi.S390VMCPUModel, uapi.S390VMCPUProcessorSubfunc, v)
}

// MachineSubfunc returns which functions the host's instructions have.
//
// attr: KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_MACHINE_SUBFUNC (vm) · since: Linux 4.8
func (m S390CPUModel) MachineSubfunc() (uapi.S390VMCPUSubfunc, error) {
	return getAttr[uapi.S390VMCPUSubfunc](m.attrs, uapi.S390VMCPUModel, uapi.S390VMCPUMachineSubfunc)
}

// ProcessorUVFeat returns what the ultravisor does for the guest, if it is a protected one.
//
// attr: KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR_UV_FEAT_GUEST (vm) · since: Linux 6.7
func (m S390CPUModel) ProcessorUVFeat() (uapi.S390VMCPUUVFeat, error) {
	return getAttr[uapi.S390VMCPUUVFeat](m.attrs, uapi.S390VMCPUModel, uapi.S390VMCPUProcessorUVFeatGuest)
}

// SetProcessorUVFeat sets what the ultravisor does for the guest, if it is a protected one.
//
// attr: KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR_UV_FEAT_GUEST (vm) · since: Linux 6.7
func (m S390CPUModel) SetProcessorUVFeat(v *uapi.S390VMCPUUVFeat) error {
	return setAttrFrom(m.attrs, uapi.S390VMCPUModel, uapi.S390VMCPUProcessorUVFeatGuest, v)
}

// MachineUVFeat returns what the ultravisor offers for a protected guest.
//
// attr: KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_MACHINE_UV_FEAT_GUEST (vm) · since: Linux 6.7
func (m S390CPUModel) MachineUVFeat() (uapi.S390VMCPUUVFeat, error) {
	return getAttr[uapi.S390VMCPUUVFeat](m.attrs, uapi.S390VMCPUModel, uapi.S390VMCPUMachineUVFeatGuest)
}
