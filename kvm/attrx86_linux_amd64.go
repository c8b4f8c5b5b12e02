package kvm

import "linuxkvm/uapi"

// TSCOffset returns what is added to the host's time stamp counter to give the
// vCPU's.
//
// attr: KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET (vcpu) · since: Linux 5.16
func (v *VCPU) TSCOffset() (uint64, error) {
	offset, err := getAttr[uint64](v, uapi.VCPUTSCCtrl, uapi.VCPUTSCOffset)
	return offset, explain(err, v.vm, uapi.CapVCPUAttributes, "5.16")
}

// SetTSCOffset sets what is added to the host's time stamp counter, modulo 1<<64.
// The kernel's document, virt/kvm/devices/vcpu.rst, says how to work it out for a
// vCPU that comes from another host.
//
// attr: KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET (vcpu) · since: Linux 5.16
func (v *VCPU) SetTSCOffset(offset uint64) error {
	err := setAttr(v, uapi.VCPUTSCCtrl, uapi.VCPUTSCOffset, offset)
	return explain(err, v.vm, uapi.CapVCPUAttributes, "5.16")
}

// XcompGuestSupp returns which components of the XSAVE state guests may use, by
// their bits in XCR0 and IA32_XSS; some only after the process has asked for them
// (ARCH_REQ_XCOMP_GUEST_PERM).
//
// attr: KVM_X86_GRP_SYSTEM, KVM_X86_XCOMP_GUEST_SUPP (system) · since: Linux 5.17
func (s *System) XcompGuestSupp() (uint64, error) {
	return s.attr64(uapi.X86GrpSystem, uapi.X86XcompGuestSupp)
}

// SEVVMSAFeatures returns which features of encrypted vCPUs (SEV-ES, SEV-SNP)
// there are: bits of SEV_FEATURES in the VMSA.
//
// attr: KVM_X86_GRP_SEV, KVM_X86_SEV_VMSA_FEATURES (system) · since: Linux 6.10
func (s *System) SEVVMSAFeatures() (uint64, error) {
	return s.attr64(uapi.X86GrpSEV, uapi.X86SEVVMSAFeatures)
}

// SNPPolicyBits returns which bits a SEV-SNP guest's policy may have.
//
// attr: KVM_X86_GRP_SEV, KVM_X86_SNP_POLICY_BITS (system) · since: Linux 6.19
func (s *System) SNPPolicyBits() (uint64, error) {
	return s.attr64(uapi.X86GrpSEV, uapi.X86SNPPolicyBits)
}

// SEVSNPReqCerts returns 1 where a VM can be asked for the certificates of a
// SEV-SNP guest's report, by uapi.ExitSNPReqCerts.
//
// attr: KVM_X86_GRP_SEV, KVM_X86_SEV_SNP_REQ_CERTS (system) · since: Linux 7.0
func (s *System) SEVSNPReqCerts() (uint64, error) {
	return s.attr64(uapi.X86GrpSEV, uapi.X86SEVSNPReqCerts)
}

func (s *System) attr64(group uint32, attr uint64) (uint64, error) {
	var value uint64
	err := s.Attr(group, attr, bytesOf(&value))
	return value, err
}
