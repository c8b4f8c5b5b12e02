package kvm

import (
	"testing"

	"linuxkvm/uapi"
)

func TestTSCOffset(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapVCPUAttributes, "5.16")
	v := newTestVCPU(t, vm)
	offset, err := v.TSCOffset()
	must(t, err)
	must(t, v.SetTSCOffset(offset))
	needProcessor(t) // kvm_pvm ignores the offset
	want := offset - 1<<40
	must(t, v.SetTSCOffset(want))
	got, err := v.TSCOffset()
	must(t, err)
	// Where the host's own counter is unstable, KVM corrects the offset a little.
	const second = 1 << 32
	if got-want+second > 2*second {
		t.Errorf("offset %#x, want %#x", got, want)
	}
	must(t, v.Close())
	_, err = v.TSCOffset()
	wantError(t, err, ErrClosed)
}

func TestSystemAttributeMethods(t *testing.T) {
	s := openSystem(t)
	needCap(t, s, uapi.CapSysAttributes, "5.17")
	if mask, err := s.XcompGuestSupp(); err != nil || mask&1 == 0 {
		t.Errorf("guests may use XSAVE components %#x, not even x87: %v", mask, err)
	}
	if has, err := s.HasAttr(0, uapi.X86XcompGuestSupp); err != nil || !has {
		t.Errorf("the attribute that was read is there: %v, %v", has, err)
	}
	// Without SEV there are none of the others: what is there has to be readable.
	for attr, read := range map[uint64]func() (uint64, error){
		uapi.X86SEVVMSAFeatures: s.SEVVMSAFeatures, uapi.X86SNPPolicyBits: s.SNPPolicyBits, uapi.X86SEVSNPReqCerts: s.SEVSNPReqCerts,
	} {
		has, err := s.HasAttr(uapi.X86GrpSEV, attr)
		must(t, err)
		if _, err := read(); (err == nil) != has {
			t.Errorf("attribute %d: there is one: %v; %v", attr, has, err)
		}
	}
}
