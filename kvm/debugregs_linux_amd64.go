package kvm

import "linuxkvm/uapi"

// DebugRegs returns the debug registers of the vCPU.
//
// ioctl: KVM_GET_DEBUGREGS (vcpu) · cap: KVM_CAP_DEBUGREGS · arch: x86 · since: Linux 2.6.35 · doc: virt/kvm/api.rst "KVM_GET_DEBUGREGS"
func (v *VCPU) DebugRegs() (uapi.DebugRegs, error) {
	regs, err := vcpuGet[uapi.DebugRegs](v, uapi.IoctlVCPUGetDebugRegs)
	return regs, explain(err, v.vm, uapi.CapDebugRegs, "2.6.35")
}

// SetDebugRegs replaces the debug registers of the vCPU. They are the guest's:
// to debug the guest from outside use SetGuestDebug.
//
// ioctl: KVM_SET_DEBUGREGS (vcpu) · cap: KVM_CAP_DEBUGREGS · arch: x86 · since: Linux 2.6.35 · doc: virt/kvm/api.rst "KVM_SET_DEBUGREGS"
func (v *VCPU) SetDebugRegs(regs *uapi.DebugRegs) error {
	err := vcpuSet(v, uapi.IoctlVCPUSetDebugRegs, regs)
	return explain(err, v.vm, uapi.CapDebugRegs, "2.6.35")
}
