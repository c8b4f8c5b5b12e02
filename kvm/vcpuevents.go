//go:build amd64 || arm64

package kvm

import "linuxkvm/uapi"

// VCPUEvents returns the exceptions, interrupts and NMIs that are pending or
// being delivered (amd64), or the pending SError (arm64).
//
// ioctl: KVM_GET_VCPU_EVENTS (vcpu) · cap: KVM_CAP_VCPU_EVENTS · arch: x86, arm64 · since: Linux 2.6.33 · doc: virt/kvm/api.rst "KVM_GET_VCPU_EVENTS"
func (v *VCPU) VCPUEvents() (uapi.VCPUEvents, error) {
	events, err := vcpuGet[uapi.VCPUEvents](v, uapi.IoctlVCPUGetVCPUEvents)
	return events, explain(err, v.vm, uapi.CapVCPUEvents, "2.6.33")
}

// SetVCPUEvents replaces them. On amd64 the members that Flags does not declare
// valid are left alone.
//
// ioctl: KVM_SET_VCPU_EVENTS (vcpu) · cap: KVM_CAP_VCPU_EVENTS · arch: x86, arm64 · since: Linux 2.6.33 · doc: virt/kvm/api.rst "KVM_SET_VCPU_EVENTS"
func (v *VCPU) SetVCPUEvents(events *uapi.VCPUEvents) error {
	err := vcpuSet(v, uapi.IoctlVCPUSetVCPUEvents, events)
	return explain(err, v.vm, uapi.CapVCPUEvents, "2.6.33")
}
