package kvm

import "linuxkvm/uapi"

// CreatePIT2 puts an i8254 timer, with its ports 0x40 to 0x43 and 0x61, into the
// kernel. It needs the interrupt controller that CreateIRQChip makes, and comes
// before the first vCPU. flags is 0 or uapi.PITSpeakerDummy, which leaves port
// 0x61 a stub.
//
// ioctl: KVM_CREATE_PIT2 (vm) · cap: KVM_CAP_PIT2 · arch: x86 · since: Linux 2.6.32 · doc: virt/kvm/api.rst "KVM_CREATE_PIT2"
func (vm *VM) CreatePIT2(flags uint32) error {
	err := vmSet(vm, uapi.IoctlVMCreatePIT2, &uapi.PITConfig{Flags: flags})
	return explain(err, vm, uapi.CapPIT2, "2.6.32")
}

// PIT2 returns the state of the in-kernel timer.
//
// ioctl: KVM_GET_PIT2 (vm) · cap: KVM_CAP_PIT_STATE2 · arch: x86 · since: Linux 2.6.32 · doc: virt/kvm/api.rst "KVM_GET_PIT2"
func (vm *VM) PIT2() (uapi.PITState2, error) {
	state, err := vmGet[uapi.PITState2](vm, uapi.IoctlVMGetPIT2)
	return state, explain(err, vm, uapi.CapPITState2, "2.6.32")
}

// SetPIT2 replaces the state of the in-kernel timer.
//
// ioctl: KVM_SET_PIT2 (vm) · cap: KVM_CAP_PIT_STATE2 · arch: x86 · since: Linux 2.6.32 · doc: virt/kvm/api.rst "KVM_SET_PIT2"
func (vm *VM) SetPIT2(state *uapi.PITState2) error {
	err := vmSet(vm, uapi.IoctlVMSetPIT2, state)
	return explain(err, vm, uapi.CapPITState2, "2.6.32")
}

// ReinjectControl says whether timer interrupts that the guest missed are
// delivered later (the default) or dropped.
//
// ioctl: KVM_REINJECT_CONTROL (vm) · cap: KVM_CAP_REINJECT_CONTROL · arch: x86 · since: Linux 2.6.30 · doc: virt/kvm/api.rst "KVM_REINJECT_CONTROL"
func (vm *VM) ReinjectControl(reinject bool) error {
	var control uapi.ReinjectControl
	if reinject {
		control.PITReinject = 1
	}
	err := vmSet(vm, uapi.IoctlVMReinjectControl, &control)
	return explain(err, vm, uapi.CapReinjectControl, "2.6.30")
}
