package kvm

import (
	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// MSRFilter says which model-specific registers the guest may access with RDMSR
// and WRMSR. The zero value allows all.
type MSRFilter struct {
	// DefaultDeny denies what no range rules. It takes at least one range.
	DefaultDeny bool
	// Ranges are 16 at most. The first one that rules an access decides.
	Ranges []MSRFilterRange
}

// MSRFilterRange rules accesses to the registers from Base on.
type MSRFilterRange struct {
	Flags uint32 // which accesses it rules: uapi.MSRFilterRead, MSRFilterWrite or both
	Base  uint32 // the first register
	NMSRs uint32 // how many, at most 12288
	// Bitmap allows accesses: bit 0 of byte 0 is the register Base. What it is
	// too short for is denied, so nil denies all. Allow sets bits.
	Bitmap []byte
}

// Allow allows the accesses to registers that are in the range.
func (r *MSRFilterRange) Allow(indices ...uint32) error {
	if err := r.check(); err != nil {
		return err
	}
	for _, index := range indices {
		if index < r.Base || index-r.Base >= r.NMSRs {
			return invalid("MSR %#x is not in the range of %d from %#x on", index, r.NMSRs, r.Base)
		}
	}
	if grow := r.bytes() - len(r.Bitmap); grow > 0 {
		r.Bitmap = append(r.Bitmap, make([]byte, grow)...)
	}
	for _, index := range indices {
		i := index - r.Base
		r.Bitmap[i/8] |= 1 << (i % 8)
	}
	return nil
}

// bytes is how much KVM reads of a bitmap: words of 64 bits.
func (r *MSRFilterRange) bytes() int { return int(r.NMSRs+63) / 64 * 8 }

func (r *MSRFilterRange) check() error {
	const most = uapi.MSRFilterMaxBitmapSize * 8
	switch {
	case r.Flags&^uapi.MSRFilterRangeValidMask != 0 || r.Flags == 0:
		return invalid("MSR filter: the range at %#x has the flags %#x, want uapi.MSRFilterRead, MSRFilterWrite or both", r.Base, r.Flags)
	case r.NMSRs == 0 || r.NMSRs > most:
		return invalid("MSR filter: the range at %#x has %d MSRs, want 1 to %d", r.Base, r.NMSRs, most)
	case uint64(r.Base)+uint64(r.NMSRs) > 1<<32:
		return invalid("MSR filter: %d MSRs from %#x on go beyond the last one", r.NMSRs, r.Base)
	case len(r.Bitmap) > r.bytes():
		return invalid("MSR filter: the range at %#x has a bitmap of %d bytes for %d MSRs", r.Base, len(r.Bitmap), r.NMSRs)
	}
	return nil
}

func (f *MSRFilter) check() error {
	if len(f.Ranges) > uapi.MSRFilterMaxRanges {
		return invalid("MSR filter: %d ranges, want at most %d", len(f.Ranges), uapi.MSRFilterMaxRanges)
	}
	if f.DefaultDeny && len(f.Ranges) == 0 {
		return invalid("MSR filter: DefaultDeny without ranges, which KVM does not take: add a range that denies one MSR")
	}
	for i := range f.Ranges {
		if err := f.Ranges[i].check(); err != nil {
			return err
		}
	}
	return nil
}

// encode makes the kernel's form. The bitmaps lie one after the other in memory
// that begins at the address at, and that put writes.
func (f *MSRFilter) encode(at uint64, put func([]byte) int) uapi.MSRFilter {
	var out uapi.MSRFilter
	if f.DefaultDeny {
		out.Flags = uapi.MSRFilterDefaultDeny
	}
	for i := range f.Ranges {
		r := &f.Ranges[i]
		out.Ranges[i] = uapi.MSRFilterRange{Flags: r.Flags, NMSRs: r.NMSRs, Base: r.Base, Bitmap: at}
		bitmap := make([]byte, r.bytes())
		copy(bitmap, r.Bitmap)
		at += uint64(put(bitmap))
	}
	return out
}

func (f *MSRFilter) bytes() (n int) {
	for i := range f.Ranges {
		n += f.Ranges[i].bytes()
	}
	return n
}

// X86SetMSRFilter replaces the filter of the VM; nil or an empty one ends
// filtering. A denied access raises a general protection fault in the guest, or
// is an exit (Exit.X86RDMSR, X86WRMSR) if EnableX86UserSpaceMSR was called with
// uapi.MSRExitReasonFilter before. The registers of an x2APIC cannot be filtered,
// nor what an instruction other than RDMSR and WRMSR does to a register. Running
// vCPUs see the old filter or the new one.
//
// ioctl: KVM_X86_SET_MSR_FILTER (vm) · cap: KVM_CAP_X86_MSR_FILTER · arch: x86 · since: Linux 5.10 · doc: virt/kvm/api.rst "KVM_X86_SET_MSR_FILTER"
func (vm *VM) X86SetMSRFilter(f *MSRFilter) error {
	if f == nil {
		f = new(MSRFilter)
	}
	if err := f.check(); err != nil {
		return err
	}
	// KVM is told addresses of the bitmaps and reads whole words there.
	g, err := sys.NewGuarded(f.bytes())
	if err != nil {
		return opError(opName("mmap"), err)
	}
	defer g.Free()
	room := g.Bytes()
	arg := f.encode(g.Addr(), func(bitmap []byte) int {
		n := copy(room, bitmap)
		room = room[n:]
		return n
	})
	err = vmSet(vm, uapi.IoctlVMX86SetMSRFilter, &arg)
	return explain(err, vm, uapi.CapX86MSRFilter, "5.10")
}

// EnableX86UserSpaceMSR says which accesses to model-specific registers that
// would raise a fault in the guest are exits instead (Exit.X86RDMSR, X86WRMSR):
// uapi.MSRExitReasonInval for those that the register or the vCPU's mode does not
// allow, MSRExitReasonUnknown for registers that KVM does not know,
// MSRExitReasonFilter for those that X86SetMSRFilter denies. 0 ends that.
//
// ioctl: KVM_ENABLE_CAP (vm) · cap: KVM_CAP_X86_USER_SPACE_MSR · arch: x86 · since: Linux 5.10 · doc: virt/kvm/api.rst "KVM_CAP_X86_USER_SPACE_MSR"
func (vm *VM) EnableX86UserSpaceMSR(reasons uint32) error {
	const known = uapi.MSRExitReasonInval | uapi.MSRExitReasonUnknown | uapi.MSRExitReasonFilter
	if reasons&^known != 0 {
		return invalid("KVM_CAP_X86_USER_SPACE_MSR: reasons %#x, want those in %#x", reasons, uint32(known))
	}
	err := vm.EnableCap(uapi.CapX86UserSpaceMSR, uint64(reasons))
	return explain(err, vm, uapi.CapX86UserSpaceMSR, "5.10")
}
