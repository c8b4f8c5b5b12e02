package kvm

import (
	"fmt"

	"linuxkvm/uapi"
)

// MSRError says at which model-specific register KVM stopped: one that it does
// not know, that this vCPU's CPUID does not have, or whose value it refuses.
type MSRError struct {
	Op    string // "KVM_GET_MSRS" or "KVM_SET_MSRS"
	Index uint32 // the MSR that failed
	Value uint64 // the value that was refused, for KVM_SET_MSRS
	Done  int    // how many MSRs before it in the list were read or set
}

func (e *MSRError) Error() string {
	if e.Op == "KVM_SET_MSRS" {
		return fmt.Sprintf("kvm: %s: MSR %#x: KVM refuses the value %#x, or does not know the MSR (%d before it were set)", e.Op, e.Index, e.Value, e.Done)
	}
	return fmt.Sprintf("kvm: %s: MSR %#x: KVM does not know it, or this vCPU does not have it (%d before it were read)", e.Op, e.Index, e.Done)
}

// msrBatch is the largest number of MSRs that KVM takes in one call.
const msrBatch = 255

// MSRs reads model-specific registers of the vCPU. Many of them exist only once
// SetCPUID2 has said so. When one fails, the result has those before it, and the
// error is an *MSRError.
//
// ioctl: KVM_GET_MSRS (vcpu) · cap: basic · arch: x86 · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_GET_MSRS"
func (v *VCPU) MSRs(indices ...uint32) ([]uapi.MSREntry, error) {
	entries := msrEntries(indices)
	n, err := doMSRs(v.c().fd, uapi.IoctlVCPUGetMSRs, entries)
	return entries[:n], err
}

// SetMSRs sets model-specific registers of the vCPU, in the order given. When one
// fails, those before it are set, and the error is an *MSRError.
//
// ioctl: KVM_SET_MSRS (vcpu) · cap: basic · arch: x86 · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_SET_MSRS"
func (v *VCPU) SetMSRs(entries ...uapi.MSREntry) error {
	_, err := doMSRs(v.c().fd, uapi.IoctlVCPUSetMSRs, entries)
	return err
}

// MSR reads one model-specific register.
func (v *VCPU) MSR(index uint32) (uint64, error) {
	entries, err := v.MSRs(index)
	if err != nil {
		return 0, err
	}
	return entries[0].Data, nil
}

// SetMSR sets one model-specific register.
func (v *VCPU) SetMSR(index uint32, value uint64) error {
	return v.SetMSRs(uapi.MSREntry{Index: index, Data: value})
}

// MSRs reads feature MSRs of the host, those of MSRFeatureIndexList, in the
// manner of [VCPU.MSRs].
//
// ioctl: KVM_GET_MSRS (system) · cap: KVM_CAP_GET_MSR_FEATURES · arch: x86 · since: Linux 4.16 · doc: virt/kvm/api.rst "KVM_GET_MSRS"
func (s *System) MSRs(indices ...uint32) ([]uapi.MSREntry, error) {
	entries := msrEntries(indices)
	n, err := doMSRs(s.fd, uapi.IoctlSystemGetMSRs, entries)
	return entries[:n], explain(err, s, uapi.CapGetMSRFeatures, "4.16")
}

// MSRIndexList returns the MSRs that make up a vCPU's state, as far as they do
// not depend on its configuration (the machine-check banks do).
//
// ioctl: KVM_GET_MSR_INDEX_LIST (system) · cap: basic · arch: x86 · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_GET_MSR_INDEX_LIST"
func (s *System) MSRIndexList() ([]uint32, error) {
	return s.msrList(uapi.IoctlSystemGetMSRIndexList)
}

// MSRFeatureIndexList returns the MSRs that tell features of the host.
//
// ioctl: KVM_GET_MSR_FEATURE_INDEX_LIST (system) · cap: KVM_CAP_GET_MSR_FEATURES · arch: x86 · since: Linux 4.16 · doc: virt/kvm/api.rst "KVM_GET_MSR_FEATURE_INDEX_LIST"
func (s *System) MSRFeatureIndexList() ([]uint32, error) {
	list, err := s.msrList(uapi.IoctlSystemGetMSRFeatureIndexList)
	return list, explain(err, s, uapi.CapGetMSRFeatures, "4.16")
}

func (s *System) msrList(req uapi.SystemIoctl) ([]uint32, error) {
	return growing(128, uapi.NewMSRListBuffer, func(b *uapi.MSRListBuffer) (int, error) {
		_, err := ioctlBuffer(s.fd, req, b.Pointer())
		return int(b.Header().NMSRs), err
	})
}

func msrEntries(indices []uint32) []uapi.MSREntry {
	entries := make([]uapi.MSREntry, len(indices))
	for i, index := range indices {
		entries[i].Index = index
	}
	return entries
}

// doMSRs reads or sets MSRs in place, in as many calls as it takes, and returns
// how many were done.
func doMSRs[R request](fd fdOf[R], req R, entries []uapi.MSREntry) (int, error) {
	for done := 0; done < len(entries); {
		part := entries[done:min(done+msrBatch, len(entries))]
		b := uapi.NewMSRsBuffer(len(part))
		copy(b.Entries(), part)
		n, err := ioctlBuffer(fd, req, b.Pointer())
		if err != nil {
			return done, err
		}
		n = min(max(n, 0), len(part))
		copy(part[:n], b.Entries())
		done += n
		if n < len(part) {
			failed := part[n]
			return done, &MSRError{Op: req.String(), Index: failed.Index, Value: failed.Data, Done: done}
		}
	}
	return len(entries), nil
}
