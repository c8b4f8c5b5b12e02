package kvm

import (
	"bytes"
	"math"
	"testing"

	"linuxkvm/uapi"
)

// A guest that reads SYSENTER_CS, writes it and reads it again, and reports what
// it read.
var msrGuest = []byte{
	0x66, 0xb9, 0x74, 0x01, 0x00, 0x00, // mov ecx, 0x174
	0x0f, 0x32, //                         rdmsr
	0xe7, 0x10, //                         out 0x10, ax
	0x66, 0xb8, 0x22, 0x00, 0x00, 0x00, // mov eax, 0x22
	0x66, 0x31, 0xd2, //                   xor edx, edx
	0x0f, 0x30, //                         wrmsr
	0x0f, 0x32, //                         rdmsr
	0xe7, 0x10, //                         out 0x10, ax
	0xf4,
}

func newMSRGuest(t *testing.T) (*VM, *VCPU) {
	t.Helper()
	vm, v, r := newGuest(t, msrGuest...)
	needCap(t, vm, uapi.CapX86MSRFilter, "5.10")
	must(t, v.SetMSR(msrSysenterCS, 0x11))
	// A fault that comes after all ends at a hlt.
	const handler, protection = 0x2000, 13
	_, err := r.WriteAt([]byte{0xf4}, handler)
	must(t, err)
	_, err = r.WriteAt([]byte{handler & 0xff, handler >> 8, 0, 0}, protection*4)
	must(t, err)
	return vm, v
}

func wantOut(t *testing.T, v *VCPU, want uint64) {
	t.Helper()
	if got := runUntil(t, v, uapi.ExitIO).IO().Data().Uint64(); got != want {
		t.Errorf("the guest read %#x, want %#x", got, want)
	}
}

// Accesses that the filter denies are exits, and what the caller answers is what
// the guest sees; the register itself is not touched.
func TestMSRFilterExits(t *testing.T) {
	vm, v := newMSRGuest(t)
	must(t, vm.EnableX86UserSpaceMSR(uapi.MSRExitReasonFilter))
	must(t, vm.X86SetMSRFilter(&MSRFilter{Ranges: []MSRFilterRange{
		{Flags: uapi.MSRFilterRead | uapi.MSRFilterWrite, Base: msrSysenterCS, NMSRs: 1},
	}}))
	x := runUntil(t, v, uapi.ExitX86RDMSR).X86RDMSR()
	if x.Index != msrSysenterCS || x.Reason != uapi.MSRExitReasonFilter {
		t.Errorf("read exit %+v", x)
	}
	x.SetData(0x33)
	wantOut(t, v, 0x33)
	x = runUntil(t, v, uapi.ExitX86WRMSR).X86WRMSR()
	if x.Index != msrSysenterCS || x.Reason != uapi.MSRExitReasonFilter || x.Data != 0x22 {
		t.Errorf("write exit %+v", x)
	}
	runUntil(t, v, uapi.ExitX86RDMSR).X86RDMSR().Fail()
	runUntil(t, v, uapi.ExitHLT)
	regs, err := v.Regs()
	must(t, err)
	if regs.RIP != 0x2001 {
		t.Errorf("the guest stopped at %#x, want the handler of the fault", regs.RIP)
	}
	if value, err := v.MSR(msrSysenterCS); err != nil || value != 0x11 {
		t.Errorf("the register is %#x, %v; want it as it was, 0x11", value, err)
	}
}

// A read filter leaves writes alone, the bitmap allows, and nil ends filtering.
func TestMSRFilterAllows(t *testing.T) {
	vm, v := newMSRGuest(t)
	must(t, vm.EnableX86UserSpaceMSR(uapi.MSRExitReasonFilter))
	reads := MSRFilterRange{Flags: uapi.MSRFilterRead, Base: msrSysenterCS - 70, NMSRs: 100}
	must(t, vm.X86SetMSRFilter(&MSRFilter{Ranges: []MSRFilterRange{reads}}))
	runUntil(t, v, uapi.ExitX86RDMSR).X86RDMSR().SetData(0x44)
	wantOut(t, v, 0x44)
	must(t, reads.Allow(msrSysenterCS))
	must(t, vm.X86SetMSRFilter(&MSRFilter{DefaultDeny: true, Ranges: []MSRFilterRange{
		reads, {Flags: uapi.MSRFilterWrite, Base: msrSysenterCS, NMSRs: 1, Bitmap: []byte{1}},
	}}))
	wantOut(t, v, 0x22)
	runUntil(t, v, uapi.ExitHLT)
	must(t, vm.X86SetMSRFilter(nil))
}

// Without the exits a denied access is a fault.
func TestMSRFilterFaults(t *testing.T) {
	vm, v := newMSRGuest(t)
	must(t, vm.X86SetMSRFilter(&MSRFilter{DefaultDeny: true, Ranges: []MSRFilterRange{
		{Flags: uapi.MSRFilterRead, Base: 0, NMSRs: 1},
	}}))
	runUntil(t, v, uapi.ExitHLT)
	if regs, err := v.Regs(); err != nil || regs.RIP != 0x2001 {
		t.Errorf("the guest stopped at %#x, %v; want the handler of the fault", regs.RIP, err)
	}
}

// Of two ranges that overlap the first decides.
func TestMSRFilterOverlap(t *testing.T) {
	vm, v := newMSRGuest(t)
	must(t, vm.EnableX86UserSpaceMSR(uapi.MSRExitReasonFilter))
	const both = uapi.MSRFilterRead | uapi.MSRFilterWrite
	allow := MSRFilterRange{Flags: both, Base: msrSysenterCS, NMSRs: 1, Bitmap: []byte{0xff}}
	deny := MSRFilterRange{Flags: both, Base: msrSysenterCS - 1, NMSRs: 9}
	must(t, vm.X86SetMSRFilter(&MSRFilter{Ranges: []MSRFilterRange{allow, deny}}))
	wantOut(t, v, 0x11)
	must(t, vm.X86SetMSRFilter(&MSRFilter{Ranges: []MSRFilterRange{deny, allow}}))
	runUntil(t, v, uapi.ExitX86WRMSR)
}

func TestMSRUnknownIsAnExit(t *testing.T) {
	vm, v, _ := newGuest(t,
		0x66, 0xb9, 0xf0, 0xff, 0xff, 0x04, // mov ecx, 0x4fffff0
		0x0f, 0x32, //                         rdmsr
		0xf4,
	)
	needCap(t, vm, uapi.CapX86UserSpaceMSR, "5.10")
	must(t, vm.EnableX86UserSpaceMSR(uapi.MSRExitReasonUnknown|uapi.MSRExitReasonInval))
	x := runUntil(t, v, uapi.ExitX86RDMSR).X86RDMSR()
	if x.Index != 0x4fffff0 || x.Reason != uapi.MSRExitReasonUnknown {
		t.Errorf("exit %+v", x)
	}
}

func TestMSRFilterLimits(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapX86MSRFilter, "5.10")
	const both = uapi.MSRFilterRead | uapi.MSRFilterWrite
	largest := MSRFilterRange{Flags: both, Base: 0xc0000000, NMSRs: 12288}
	last := MSRFilterRange{Flags: both, Base: math.MaxUint32, NMSRs: 1}
	ranges := make([]MSRFilterRange, 16)
	for i := range ranges {
		ranges[i] = largest
	}
	ranges[15] = last
	must(t, vm.X86SetMSRFilter(&MSRFilter{DefaultDeny: true, Ranges: ranges}))
	for name, f := range map[string]MSRFilter{
		"17 ranges":        {Ranges: make([]MSRFilterRange, 17)},
		"deny, no ranges":  {DefaultDeny: true},
		"no flags":         {Ranges: []MSRFilterRange{{NMSRs: 1}}},
		"unknown flags":    {Ranges: []MSRFilterRange{{Flags: 1 << 31, NMSRs: 1}}},
		"no MSRs":          {Ranges: []MSRFilterRange{{Flags: both}}},
		"12289 MSRs":       {Ranges: []MSRFilterRange{{Flags: both, NMSRs: 12289}}},
		"huge":             {Ranges: []MSRFilterRange{{Flags: both, NMSRs: math.MaxUint32}}},
		"wraps":            {Ranges: []MSRFilterRange{{Flags: both, Base: math.MaxUint32, NMSRs: 2}}},
		"bitmap too large": {Ranges: []MSRFilterRange{{Flags: both, NMSRs: 8, Bitmap: make([]byte, 9)}}},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, vm.X86SetMSRFilter(&f), ErrInvalid, "MSR filter") })
	}
	wantError(t, vm.EnableX86UserSpaceMSR(1<<31), ErrInvalid, "KVM_CAP_X86_USER_SPACE_MSR")
	must(t, vm.Close())
	wantError(t, vm.X86SetMSRFilter(nil), ErrClosed)
	wantError(t, vm.EnableX86UserSpaceMSR(0), ErrClosed)
}

func TestMSRFilterRangeAllow(t *testing.T) {
	r := MSRFilterRange{Flags: uapi.MSRFilterRead, Base: 0x100, NMSRs: 65}
	must(t, r.Allow(0x100, 0x109, 0x140))
	if want := []byte{1, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}; !bytes.Equal(r.Bitmap, want) {
		t.Errorf("bitmap %v, want %v", r.Bitmap, want)
	}
	for _, outside := range []uint32{0, 0xff, 0x141, math.MaxUint32} {
		wantError(t, r.Allow(0x101, outside), ErrInvalid)
	}
	if r.Bitmap[0] != 1 {
		t.Error("a call that failed has changed the bitmap")
	}
	wantError(t, new(MSRFilterRange).Allow(), ErrInvalid)
}

// KVM is told where each bitmap is, in whole words.
func TestMSRFilterEncoding(t *testing.T) {
	f := MSRFilter{DefaultDeny: true, Ranges: []MSRFilterRange{
		{Flags: uapi.MSRFilterRead, Base: 1, NMSRs: 64, Bitmap: []byte{7}},
		{Flags: uapi.MSRFilterWrite, Base: 2, NMSRs: 65, Bitmap: []byte{8, 9}},
		{Flags: uapi.MSRFilterWrite, Base: 3, NMSRs: 1},
	}}
	var memory []byte
	got := f.encode(0x1000, func(b []byte) int {
		memory = append(memory, b...)
		return len(b)
	})
	want := uapi.MSRFilter{Flags: uapi.MSRFilterDefaultDeny}
	want.Ranges[0] = uapi.MSRFilterRange{Flags: 1, Base: 1, NMSRs: 64, Bitmap: 0x1000}
	want.Ranges[1] = uapi.MSRFilterRange{Flags: 2, Base: 2, NMSRs: 65, Bitmap: 0x1008}
	want.Ranges[2] = uapi.MSRFilterRange{Flags: 2, Base: 3, NMSRs: 1, Bitmap: 0x1018}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if len(memory) != f.bytes() || memory[0] != 7 || memory[8] != 8 || memory[9] != 9 {
		t.Errorf("bitmaps %v", memory)
	}
}
