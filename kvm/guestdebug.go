package kvm

import "linuxkvm/uapi"

// SetGuestDebug says how the guest is debugged from outside, from the next Run
// on: what it stops at comes as uapi.ExitDebug. The zero value ends it.
//
// ioctl: KVM_SET_GUEST_DEBUG (vcpu) · cap: KVM_CAP_SET_GUEST_DEBUG · arch: x86, s390, ppc, arm64, riscv, loongarch · since: Linux 2.6.30 · doc: virt/kvm/api.rst "KVM_SET_GUEST_DEBUG"
func (v *VCPU) SetGuestDebug(debug *uapi.GuestDebug) error {
	err := vcpuSet(v, uapi.IoctlVCPUSetGuestDebug, debug)
	return explain(err, v.vm, uapi.CapSetGuestDebug, "2.6.30")
}
