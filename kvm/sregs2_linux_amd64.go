package kvm

import "linuxkvm/uapi"

// Sregs2 is Sregs without the interrupt bitmap and with the page directory
// pointers that PAE paging keeps in the processor.
//
// ioctl: KVM_GET_SREGS2 (vcpu) · cap: KVM_CAP_SREGS2 · arch: x86 · since: Linux 5.14 · doc: virt/kvm/api.rst "KVM_GET_SREGS2"
func (v *VCPU) Sregs2() (uapi.Sregs2, error) {
	sregs, err := vcpuGet[uapi.Sregs2](v, uapi.IoctlVCPUGetSregs2)
	return sregs, explain(err, v.vm, uapi.CapSregs2, "5.14")
}

// SetSregs2 is SetSregs in the form of Sregs2. The pointers in Pdptrs are used
// when Flags has uapi.Sregs2FlagsPDPTRsValid.
//
// ioctl: KVM_SET_SREGS2 (vcpu) · cap: KVM_CAP_SREGS2 · arch: x86 · since: Linux 5.14 · doc: virt/kvm/api.rst "KVM_SET_SREGS2"
func (v *VCPU) SetSregs2(sregs *uapi.Sregs2) error {
	err := vcpuSet(v, uapi.IoctlVCPUSetSregs2, sregs)
	return explain(err, v.vm, uapi.CapSregs2, "5.14")
}
