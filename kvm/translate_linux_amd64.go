package kvm

import "linuxkvm/uapi"

// Translate translates a guest-virtual address with the vCPU's current paging
// mode and page tables. Where nothing is mapped the result's Valid is 0 and
// there is no error.
//
// ioctl: KVM_TRANSLATE (vcpu) · cap: basic · arch: x86 · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_TRANSLATE"
func (v *VCPU) Translate(gva uint64) (uapi.Translation, error) {
	t := uapi.Translation{LinearAddress: gva}
	err := vcpuSet(v, uapi.IoctlVCPUTranslate, &t)
	return t, err
}
