//go:build amd64 || s390x || ppc64le || mips64le || loong64

package kvm

import "linuxkvm/uapi"

// Regs returns the general registers of the vCPU.
//
// ioctl: KVM_GET_REGS (vcpu) · cap: basic · arch: all but arm64, riscv · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_GET_REGS"
func (v *VCPU) Regs() (uapi.Regs, error) {
	return vcpuGet[uapi.Regs](v, uapi.IoctlVCPUGetRegs)
}

// SetRegs replaces the general registers of the vCPU.
//
// ioctl: KVM_SET_REGS (vcpu) · cap: basic · arch: all but arm64, riscv · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_SET_REGS"
func (v *VCPU) SetRegs(regs *uapi.Regs) error {
	return vcpuSet(v, uapi.IoctlVCPUSetRegs, regs)
}

// ModifyRegs reads the general registers, has f change them, and writes them
// back. It is two calls: nothing else may set the registers in between.
//
// ioctl: KVM_GET_REGS, KVM_SET_REGS (vcpu) · cap: basic · arch: all but arm64, riscv · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_SET_REGS"
func (v *VCPU) ModifyRegs(f func(*uapi.Regs)) error {
	if f == nil {
		return invalid("ModifyRegs: nil function")
	}
	regs, err := v.Regs()
	if err != nil {
		return err
	}
	f(&regs)
	return v.SetRegs(&regs)
}
