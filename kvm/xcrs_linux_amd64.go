package kvm

import "linuxkvm/uapi"

// XCRs returns the extended control registers of the vCPU: NrXCRs entries, of
// which XCR0 is the only one so far.
//
// ioctl: KVM_GET_XCRS (vcpu) · cap: KVM_CAP_XCRS · arch: x86 · since: Linux 2.6.36 · doc: virt/kvm/api.rst "KVM_GET_XCRS"
func (v *VCPU) XCRs() (uapi.XCRs, error) {
	xcrs, err := vcpuGet[uapi.XCRs](v, uapi.IoctlVCPUGetXCRs)
	return xcrs, explain(err, v.vm, uapi.CapXCRs, "2.6.36")
}

// SetXCRs sets the extended control registers of the vCPU.
//
// ioctl: KVM_SET_XCRS (vcpu) · cap: KVM_CAP_XCRS · arch: x86 · since: Linux 2.6.36 · doc: virt/kvm/api.rst "KVM_SET_XCRS"
func (v *VCPU) SetXCRs(xcrs *uapi.XCRs) error {
	err := vcpuSet(v, uapi.IoctlVCPUSetXCRs, xcrs)
	return explain(err, v.vm, uapi.CapXCRs, "2.6.36")
}
