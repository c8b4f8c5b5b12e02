package kvm

import "linuxkvm/uapi"

// X86MCECapSupported returns what a vCPU may have in its IA32_MCG_CAP, which
// X86SetupMCE sets, apart from the number of banks in the low 8 bits: that is at
// most what CheckExtension says of uapi.CapMCE.
//
// ioctl: KVM_X86_GET_MCE_CAP_SUPPORTED (system) · cap: KVM_CAP_MCE · arch: x86 · since: Linux 2.6.31 · doc: virt/kvm/api.rst "KVM_X86_GET_MCE_CAP_SUPPORTED"
func (s *System) X86MCECapSupported() (uint64, error) {
	var mcgCap uint64
	_, err := ioctlStruct(s.fd, uapi.IoctlSystemX86GetMCECapSupported, &mcgCap)
	return mcgCap, explain(err, s, uapi.CapMCE, "2.6.31")
}

// X86SetupMCE gives the vCPU its machine-check banks. mcgCap is its IA32_MCG_CAP:
// the number of banks in the low 8 bits, and features out of X86MCECapSupported.
// EINVAL means no banks, too many, or a feature that KVM does not have.
//
// ioctl: KVM_X86_SETUP_MCE (vcpu) · cap: KVM_CAP_MCE · arch: x86 · since: Linux 2.6.31 · doc: virt/kvm/api.rst "KVM_X86_SETUP_MCE"
func (v *VCPU) X86SetupMCE(mcgCap uint64) error {
	err := vcpuSet(v, uapi.IoctlVCPUX86SetupMCE, &mcgCap)
	return explain(err, v.vm, uapi.CapMCE, "2.6.31")
}

// X86SetMCE reports a machine check to the guest, in one of the banks that
// X86SetupMCE made: EINVAL for another one, and for a Status whose valid bit (63)
// is not set. An uncorrected error (bit 61) becomes an exception; the guest shuts
// down if it is handling one already or has CR4.MCE clear. A corrected one is just
// stored in the bank.
//
// ioctl: KVM_X86_SET_MCE (vcpu) · cap: KVM_CAP_MCE · arch: x86 · since: Linux 2.6.31 · doc: virt/kvm/api.rst "KVM_X86_SET_MCE"
func (v *VCPU) X86SetMCE(mce *uapi.X86MCE) error {
	err := vcpuSet(v, uapi.IoctlVCPUX86SetMCE, mce)
	return explain(err, v.vm, uapi.CapMCE, "2.6.31")
}
