package kvm

import "linuxkvm/uapi"

// S390NormalReset resets the vCPU as the architecture's CPU reset does: what was
// pending is gone, registers stay.
//
// ioctl: KVM_S390_NORMAL_RESET (vcpu) · cap: KVM_CAP_S390_VCPU_RESETS · arch: s390 · since: Linux 5.6 · doc: virt/kvm/api.rst "KVM_S390_NORMAL_RESET"
func (v *VCPU) S390NormalReset() error { return v.reset(uapi.IoctlVCPUS390NormalReset) }

// S390InitialReset resets the vCPU as the architecture's initial CPU reset does:
// control registers, timers and the PSW too.
//
// ioctl: KVM_S390_INITIAL_RESET (vcpu) · cap: basic · arch: s390 · since: Linux 2.6.26 · doc: virt/kvm/api.rst "KVM_S390_INITIAL_RESET"
func (v *VCPU) S390InitialReset() error {
	_, err := vcpuNumber(v, uapi.IoctlVCPUS390InitialReset, 0)
	return err
}

// S390ClearReset resets the vCPU as the architecture's clear reset does: all
// registers are cleared.
//
// ioctl: KVM_S390_CLEAR_RESET (vcpu) · cap: KVM_CAP_S390_VCPU_RESETS · arch: s390 · since: Linux 5.6 · doc: virt/kvm/api.rst "KVM_S390_CLEAR_RESET"
func (v *VCPU) S390ClearReset() error { return v.reset(uapi.IoctlVCPUS390ClearReset) }

func (v *VCPU) reset(req uapi.VCPUIoctl) error {
	_, err := vcpuNumber(v, req, 0)
	return explain(err, v.vm, uapi.CapS390VCPUResets, "5.6")
}

// S390SetInitialPSW sets the program status word of a stopped vCPU (EBUSY
// otherwise): where it starts.
//
// ioctl: KVM_S390_SET_INITIAL_PSW (vcpu) · cap: basic · arch: s390 · since: Linux 2.6.26 · doc: none
func (v *VCPU) S390SetInitialPSW(psw uapi.S390PSW) error {
	return vcpuSet(v, uapi.IoctlVCPUS390SetInitialPSW, &psw)
}

// S390StoreStatus has the vCPU store its registers in guest memory, in the layout
// of the store-status operation, at a guest-absolute address, or at the places of
// the architecture with uapi.S390StoreStatusNoaddr (in absolute memory) and
// uapi.S390StoreStatusPrefixed (in the prefix area). EFAULT means no memory there.
//
// ioctl: KVM_S390_STORE_STATUS (vcpu) · cap: basic · arch: s390 · since: Linux 2.6.26 · doc: none
func (v *VCPU) S390StoreStatus(addr uint64) error {
	const req = uapi.IoctlVCPUS390StoreStatus
	if err := v.vm.refuseUControl(req); err != nil {
		return err
	}
	_, err := vcpuNumber(v, req, uintptr(addr))
	return err
}
