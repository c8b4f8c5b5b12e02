//go:build amd64 || s390x || loong64

package kvm

import "linuxkvm/uapi"

// FPU returns the floating-point state of the vCPU. On amd64 that is the x87 and
// SSE part without MXCSR, which KVM leaves out: XSAVE has all of it.
//
// ioctl: KVM_GET_FPU (vcpu) · cap: basic · arch: x86, s390, loongarch · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_GET_FPU"
func (v *VCPU) FPU() (uapi.FPU, error) {
	return vcpuGet[uapi.FPU](v, uapi.IoctlVCPUGetFPU)
}

// SetFPU replaces the floating-point state of the vCPU, except MXCSR on amd64.
//
// ioctl: KVM_SET_FPU (vcpu) · cap: basic · arch: x86, s390, loongarch · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_SET_FPU"
func (v *VCPU) SetFPU(fpu *uapi.FPU) error {
	return vcpuSet(v, uapi.IoctlVCPUSetFPU, fpu)
}
