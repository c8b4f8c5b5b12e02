package kvm

import (
	"testing"

	"linuxkvm/uapi"
)

// On amd64 MSRs are registers too, since Linux 6.18.
func TestOneRegRoundTrip(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapOneReg, "6.18")
	v := newTestVCPU(t, vm)
	const id = uapi.RegX86 | uapi.X86RegTypeMSR<<32 | uapi.RegSizeU64 | msrSysenterCS
	must(t, v.SetOneRegUint64(id, 0x1234))
	if got, err := v.OneRegUint64(id); err != nil || got != 0x1234 {
		t.Errorf("OneReg: %#x, %v", got, err)
	}
	if got, err := v.MSR(msrSysenterCS); err != nil || got != 0x1234 {
		t.Errorf("the MSR itself: %#x, %v", got, err)
	}
}
