package kvm

import (
	"math"

	"linuxkvm/uapi"
)

// CPUIDEntry is the answer to one CPUID leaf, or subleaf.
type CPUIDEntry = uapi.CPUIDEntry2

// SupportedCPUID returns the CPUID that processor and KVM together can give a
// guest. What describes one processor of several (topology, APIC id) is the
// host's and is for the caller to fill in.
//
// ioctl: KVM_GET_SUPPORTED_CPUID (system) · cap: KVM_CAP_EXT_CPUID · arch: x86 · since: Linux 2.6.25 · doc: virt/kvm/api.rst "KVM_GET_SUPPORTED_CPUID"
func (s *System) SupportedCPUID() ([]CPUIDEntry, error) {
	entries, err := getCPUID(s.fd, uapi.IoctlSystemGetSupportedCPUID)
	return entries, explain(err, s, uapi.CapExtCPUID, "2.6.25")
}

// EmulatedCPUID returns the features that KVM emulates: a guest can have them
// on any processor, slowly.
//
// ioctl: KVM_GET_EMULATED_CPUID (system) · cap: KVM_CAP_EXT_EMUL_CPUID · arch: x86 · since: Linux 3.13 · doc: virt/kvm/api.rst "KVM_GET_EMULATED_CPUID"
func (s *System) EmulatedCPUID() ([]CPUIDEntry, error) {
	entries, err := getCPUID(s.fd, uapi.IoctlSystemGetEmulatedCPUID)
	return entries, explain(err, s, uapi.CapExtEmulCPUID, "3.13")
}

// SupportedHVCPUID returns the CPUID leaves of the Hyper-V interface that KVM can
// offer a guest.
//
// ioctl: KVM_GET_SUPPORTED_HV_CPUID (system) · cap: KVM_CAP_SYS_HYPERV_CPUID · arch: x86 · since: Linux 5.11 · doc: virt/kvm/api.rst "KVM_GET_SUPPORTED_HV_CPUID"
func (s *System) SupportedHVCPUID() ([]CPUIDEntry, error) {
	entries, err := getCPUID(s.fd, uapi.IoctlSystemGetSupportedHVCPUID)
	return entries, explain(err, s, uapi.CapSysHypervCPUID, "5.11")
}

// SupportedHVCPUID is [System.SupportedHVCPUID] of one vCPU, on which some of
// the leaves depend.
//
// ioctl: KVM_GET_SUPPORTED_HV_CPUID (vcpu) · cap: KVM_CAP_HYPERV_CPUID · arch: x86 · since: Linux 5.0 · doc: virt/kvm/api.rst "KVM_GET_SUPPORTED_HV_CPUID"
func (v *VCPU) SupportedHVCPUID() ([]CPUIDEntry, error) {
	entries, err := getCPUID(v.c().fd, uapi.IoctlVCPUGetSupportedHVCPUID)
	return entries, explain(err, v.vm, uapi.CapHypervCPUID, "5.0")
}

// CPUID2 returns the CPUID the vCPU has.
//
// ioctl: KVM_GET_CPUID2 (vcpu) · cap: KVM_CAP_EXT_CPUID · arch: x86 · since: Linux 2.6.25 · doc: virt/kvm/api.rst "KVM_SET_CPUID"
func (v *VCPU) CPUID2() ([]CPUIDEntry, error) {
	entries, err := getCPUID(v.c().fd, uapi.IoctlVCPUGetCPUID2)
	return entries, explain(err, v.vm, uapi.CapExtCPUID, "2.6.25")
}

// SetCPUID2 gives the vCPU its CPUID. It comes before the first Run, which fixes
// it (EINVAL after that), and before SetMSRs, which knows only the MSRs that the
// CPUID has. E2BIG means more entries than KVM takes, 256 now.
//
// ioctl: KVM_SET_CPUID2 (vcpu) · cap: KVM_CAP_EXT_CPUID · arch: x86 · since: Linux 2.6.25 · doc: virt/kvm/api.rst "KVM_SET_CPUID"
func (v *VCPU) SetCPUID2(entries []CPUIDEntry) error {
	if len(entries) > maxElements {
		return invalid("%v: %d entries", uapi.IoctlVCPUSetCPUID2, len(entries))
	}
	b := uapi.NewCPUID2Buffer(len(entries))
	copy(b.Entries(), entries)
	_, err := ioctlBuffer(v.c().fd, uapi.IoctlVCPUSetCPUID2, b.Pointer())
	return explain(err, v.vm, uapi.CapExtCPUID, "2.6.25")
}

// SetCPUID is [VCPU.SetCPUID2] as it was before that: leaves, without subleaves.
// The same is true of when it comes. 256 entries is the most.
//
// ioctl: KVM_SET_CPUID (vcpu) · cap: basic · arch: x86 · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_SET_CPUID"
func (v *VCPU) SetCPUID(entries []uapi.CPUIDEntry) error {
	if len(entries) > maxElements {
		return invalid("%v: %d entries", uapi.IoctlVCPUSetCPUID, len(entries))
	}
	b := uapi.NewCPUIDBuffer(len(entries))
	copy(b.Entries(), entries)
	_, err := ioctlBuffer(v.c().fd, uapi.IoctlVCPUSetCPUID, b.Pointer())
	return err
}

func getCPUID[R request](fd fdOf[R], req R) ([]CPUIDEntry, error) {
	return growing(64, uapi.NewCPUID2Buffer, func(b *uapi.CPUID2Buffer) (int, error) {
		entries := b.Entries()
		for i := range entries {
			entries[i] = untouched
		}
		_, err := ioctlBuffer(fd, req, b.Pointer())
		n := min(int(b.Header().Nent), len(entries))
		if err != nil {
			return n, err
		}
		// KVM_GET_CPUID2 of older kernels (6.1 is one) leaves the count as it was.
		for n > 0 && entries[n-1] == untouched {
			n--
		}
		return n, nil
	})
}

// untouched is an entry that KVM has not written: no leaf is like that.
var untouched = CPUIDEntry{
	Function: math.MaxUint32, Index: math.MaxUint32, Flags: math.MaxUint32,
	EAX: math.MaxUint32, EBX: math.MaxUint32, ECX: math.MaxUint32, EDX: math.MaxUint32,
}
