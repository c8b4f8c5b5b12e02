//go:build !ppc64le && !mips64le

package kvm

import "linuxkvm/uapi"

// MPState returns the multiprocessing state of the vCPU: uapi.MPStateRunnable,
// MPStateHalted and so on. The states of amd64 beyond runnable need the
// in-kernel interrupt controller.
//
// ioctl: KVM_GET_MP_STATE (vcpu) · cap: KVM_CAP_MP_STATE · arch: x86, s390, arm64, riscv, loongarch · since: Linux 2.6.26 · doc: virt/kvm/api.rst "KVM_GET_MP_STATE"
func (v *VCPU) MPState() (uint32, error) {
	state, err := vcpuGet[uapi.MPState](v, uapi.IoctlVCPUGetMPState)
	return state.MPState, explain(err, v.vm, uapi.CapMPState, "2.6.26")
}

// SetMPState sets the multiprocessing state of the vCPU.
//
// ioctl: KVM_SET_MP_STATE (vcpu) · cap: KVM_CAP_MP_STATE · arch: x86, s390, arm64, riscv, loongarch · since: Linux 2.6.26 · doc: virt/kvm/api.rst "KVM_SET_MP_STATE"
func (v *VCPU) SetMPState(state uint32) error {
	err := vcpuSet(v, uapi.IoctlVCPUSetMPState, &uapi.MPState{MPState: state})
	return explain(err, v.vm, uapi.CapMPState, "2.6.26")
}
