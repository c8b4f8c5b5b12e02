package kvm

import (
	"linuxkvm/uapi"
)

// xsaveMin is the size in bytes of struct kvm_xsave without its extra part.
const xsaveMin = 4096

// XSAVE returns the vCPU's extended state, in the format of the XSAVE
// instruction, as the 4096 bytes that every kernel has. It fails with EINVAL for
// a vCPU whose state is larger, as with AMX.
//
// ioctl: KVM_GET_XSAVE (vcpu) · cap: KVM_CAP_XSAVE · arch: x86 · since: Linux 2.6.36 · doc: virt/kvm/api.rst "KVM_GET_XSAVE"
func (v *VCPU) XSAVE() ([]byte, error) {
	state := make([]byte, xsaveMin)
	err := v.xsave(uapi.IoctlVCPUGetXSAVE, state)
	if err != nil {
		return nil, explain(err, v.vm, uapi.CapXSAVE, "2.6.36")
	}
	return state, nil
}

// XSAVE2 is XSAVE without a limit: the state is as large as XSAVESize says.
//
// ioctl: KVM_GET_XSAVE2 (vcpu) · cap: KVM_CAP_XSAVE2 · arch: x86 · since: Linux 5.17 · doc: virt/kvm/api.rst "KVM_GET_XSAVE2"
func (v *VCPU) XSAVE2() ([]byte, error) {
	if err := v.vm.require(uapi.CapXSAVE2, "5.17"); err != nil {
		return nil, err
	}
	size, err := v.vm.XSAVESize()
	if err != nil {
		return nil, err
	}
	state := make([]byte, size)
	if err := v.xsave(uapi.IoctlVCPUGetXSAVE2, state); err != nil {
		return nil, err
	}
	return state, nil
}

// SetXSAVE sets the extended state of the vCPU, from XSAVE or XSAVE2. A state
// that is larger than XSAVESize is refused; what a smaller one lacks is zero.
//
// ioctl: KVM_SET_XSAVE (vcpu) · cap: KVM_CAP_XSAVE · arch: x86 · since: Linux 2.6.36 · doc: virt/kvm/api.rst "KVM_SET_XSAVE"
func (v *VCPU) SetXSAVE(state []byte) error {
	size, err := v.vm.XSAVESize()
	if err != nil {
		return err
	}
	if len(state) == 0 || len(state) > size {
		return invalid("%v: a state of %d bytes, this vCPU's is %d", uapi.IoctlVCPUSetXSAVE, len(state), size)
	}
	whole := make([]byte, size)
	copy(whole, state)
	return explain(v.xsave(uapi.IoctlVCPUSetXSAVE, whole), v.vm, uapi.CapXSAVE, "2.6.36")
}

// XSAVESize returns the size in bytes of a vCPU's extended state.
//
// ioctl: KVM_CHECK_EXTENSION (vm) · cap: KVM_CAP_XSAVE2 · arch: x86 · since: Linux 5.17 · doc: virt/kvm/api.rst "KVM_GET_XSAVE2"
func (vm *VM) XSAVESize() (int, error) {
	n, err := vm.CheckExtension(uapi.CapXSAVE2)
	return max(n, xsaveMin), err
}
