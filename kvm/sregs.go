//go:build amd64 || s390x || ppc64le

package kvm

import "linuxkvm/uapi"

// Sregs returns the special registers of the vCPU: segments and control
// registers on amd64, the MMU's on ppc64le, access and control registers on s390x.
//
// ioctl: KVM_GET_SREGS (vcpu) · cap: basic · arch: x86, ppc, s390 · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_GET_SREGS"
func (v *VCPU) Sregs() (uapi.Sregs, error) {
	return vcpuGet[uapi.Sregs](v, uapi.IoctlVCPUGetSregs)
}

// SetSregs replaces the special registers of the vCPU. Values that the
// processor could not hold are refused with EINVAL.
//
// ioctl: KVM_SET_SREGS (vcpu) · cap: basic · arch: x86, ppc, s390 · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_SET_SREGS"
func (v *VCPU) SetSregs(sregs *uapi.Sregs) error {
	return vcpuSet(v, uapi.IoctlVCPUSetSregs, sregs)
}
