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
	id := uapi.RegX86MSR(msrSysenterCS)
	must(t, SetOneReg(v, id, 0x1234))
	if got, err := GetOneReg(v, id); err != nil || got != 0x1234 {
		t.Errorf("GetOneReg: %#x, %v", got, err)
	}
	if got, err := v.OneRegUint64(uint64(id)); err != nil || got != 0x1234 {
		t.Errorf("OneRegUint64: %#x, %v", got, err)
	}
	if got, err := v.MSR(msrSysenterCS); err != nil || got != 0x1234 {
		t.Errorf("the MSR itself: %#x, %v", got, err)
	}
}
