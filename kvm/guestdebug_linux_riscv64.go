package kvm

import "linuxkvm/uapi"

// SetDebugBreakpoints makes the vCPU exit, as uapi.ExitDebug, at EBREAK, which the
// caller has put there; or no more. It is all that KVM can do on riscv64.
//
// ioctl: KVM_SET_GUEST_DEBUG (vcpu) · cap: KVM_CAP_SET_GUEST_DEBUG · arch: riscv · since: Linux 6.10 · doc: virt/kvm/api.rst "KVM_SET_GUEST_DEBUG"
func (v *VCPU) SetDebugBreakpoints(on bool) error {
	var debug uapi.GuestDebug
	if on {
		debug.Control = uapi.GuestdbgEnable
	}
	return v.SetGuestDebug(&debug)
}
