package kvm

import "linuxkvm/uapi"

// CreatePIT is CreatePIT2 as it was before that: it always leaves port 0x61 a
// stub.
//
// ioctl: KVM_CREATE_PIT (vm) · cap: KVM_CAP_PIT · arch: x86 · since: Linux 2.6.26 · doc: none
func (vm *VM) CreatePIT() error {
	_, err := vmNumber(vm, uapi.IoctlVMCreatePIT, 0)
	return explain(err, vm, uapi.CapPIT, "2.6.26")
}

// PIT returns the state of the in-kernel timer, without the flags that PIT2 has.
//
// ioctl: KVM_GET_PIT (vm) · cap: KVM_CAP_PIT · arch: x86 · since: Linux 2.6.26 · doc: none
func (vm *VM) PIT() (uapi.PITState, error) {
	state, err := vmGet[uapi.PITState](vm, uapi.IoctlVMGetPIT)
	return state, explain(err, vm, uapi.CapPIT, "2.6.26")
}

// SetPIT replaces the state of the in-kernel timer, but for its flags.
//
// ioctl: KVM_SET_PIT (vm) · cap: KVM_CAP_PIT · arch: x86 · since: Linux 2.6.26 · doc: none
func (vm *VM) SetPIT(state *uapi.PITState) error {
	err := vmSet(vm, uapi.IoctlVMSetPIT, state)
	return explain(err, vm, uapi.CapPIT, "2.6.26")
}
