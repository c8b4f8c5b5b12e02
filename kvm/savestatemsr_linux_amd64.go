package kvm

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"linuxkvm/uapi"
)

// saveMSRs reads the registers that KVM lists, and those that it does not list because
// their number depends on the vCPU. What this vCPU does not have is not there to read.
func (v *VCPU) saveMSRs(s *VCPUState) error {
	var indices []uint32
	err := v.vm.withSystem(func(sys *System) (err error) {
		indices, err = sys.MSRIndexList()
		return err
	})
	if err != nil {
		return err
	}
	hyperV := isHyperV(s.CPUID)
	if !hyperV {
		// KVM would begin to be a Hyper-V for who asks.
		indices = slices.DeleteFunc(indices, isHyperVMSR)
	}
	indices = append(indices, v.unlistedMSRs(hyperV)...)
	for len(indices) > 0 {
		entries, err := v.MSRs(indices...)
		s.MSRs = append(s.MSRs, entries...)
		var missing *MSRError
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &missing):
			return err
		}
		indices = indices[len(entries)+1:]
	}
	return nil
}

func isHyperV(cpuid []CPUIDEntry) bool {
	const signature = 'H' | 'v'<<8 | '#'<<16 | '1'<<24
	return cpuidRegisters(cpuid, 0x40000001, 0)[0] == signature
}

func isHyperVMSR(index uint32) bool { return index>>12 == 0x40000 }

// unlistedMSRs are MTRRs, machine check banks, and a Hyper-V guest's interrupt sources
// and timers.
func (v *VCPU) unlistedMSRs(hyperV bool) []uint32 {
	list := msrRange(nil, 0x200, 16)
	list = append(list, 0x250, 0x258, 0x259)
	list = msrRange(list, 0x268, 8)
	list = append(list, 0x2ff) // the default type, with the bit that enables them
	if mcgCap, err := v.MSR(msrMCGCap); err == nil {
		banks := uint32(mcgCap & 0xff)
		list = msrRange(list, 0x280, banks)
		list = msrRange(list, 0x400, 4*banks)
		list = append(list, msrMCGCap)
	}
	if hyperV {
		list = append(list, 0x40000080, 0x40000082, 0x40000083) // SCONTROL, SIEFP, SIMP
		list = msrRange(list, 0x40000090, 16)
		list = msrRange(list, 0x400000b0, 8)
	}
	return list
}

func msrRange(list []uint32, from, n uint32) []uint32 {
	for i := range n {
		list = append(list, from+i)
	}
	return list
}

// splitMSRs returns the registers that come before the nested state, and the others in
// the order in which they can be set.
func splitMSRs(entries []uapi.MSREntry) (early, rest []uapi.MSREntry) {
	for _, e := range entries {
		switch i := e.Index; {
		case i == msrMCGCap: // X86SetupMCE sets it
		case i == msrFeatureControl, i >= msrVMXBasic && i <= msrVMXLast, i == msrVMCR, i == msrVMHSavePA:
			early = append(early, e)
		default:
			rest = append(rest, e)
		}
	}
	slices.SortStableFunc(rest, func(a, b uapi.MSREntry) int { return cmp.Compare(msrStage(a.Index), msrStage(b.Index)) })
	return early, rest
}

// msrStage puts what switches performance counters on behind the counters, and the
// deadline of the local APIC's timer behind the counter that it is about.
func msrStage(index uint32) int {
	switch {
	case index == msrTSCDeadline:
		return 2
	case index == 0x38d, index == 0x38f, index >= 0x186 && index <= 0x19b, index >= 0xc0010000 && index <= 0xc0010003,
		index >= 0xc0010200 && index <= 0xc001020b && index%2 == 0:
		return 1
	default:
		return 0
	}
}

// restoreMSRs sets registers. Some cannot be set, or not on this host: that is no error
// where one has the value already.
func (v *VCPU) restoreMSRs(entries []uapi.MSREntry) error {
	for len(entries) > 0 {
		n, err := doMSRs(v.c().fd, uapi.IoctlVCPUSetMSRs, entries)
		var refused *MSRError
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &refused):
			return err
		}
		want := entries[n]
		name := fmt.Sprintf("MSR %#x", want.Index)
		if now, e := v.MSR(want.Index); e != nil {
			return lacks(err, name, "the guest has the value %#x in it, and this vCPU does not have the register", want.Data)
		} else if now != want.Data {
			return lacks(err, name, "it cannot be set to %#x, and is %#x here", want.Data, now)
		}
		entries = entries[n+1:]
	}
	return nil
}

// restoreMCE gives the vCPU its machine check banks, unless it has them.
func (v *VCPU) restoreMCE(s *VCPUState) error {
	at := slices.IndexFunc(s.MSRs, func(e uapi.MSREntry) bool { return e.Index == msrMCGCap })
	if at < 0 || s.MSRs[at].Data&0xff == 0 {
		return nil
	}
	want := s.MSRs[at].Data
	if now, err := v.MSR(msrMCGCap); err == nil && now == want {
		return nil
	}
	if err := v.X86SetupMCE(want); err != nil {
		return lacks(err, "machine check banks", "KVM refuses IA32_MCG_CAP %#x", want)
	}
	return nil
}
