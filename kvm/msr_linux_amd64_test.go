package kvm

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"linuxkvm/uapi"
)

const (
	msrTSC          = 0x10
	msrSysenterCS   = 0x174
	msrSysenterESP  = 0x175
	msrUnknownToAll = 0x4ffffff0
)

func TestMSRsRoundTrip(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	must(t, v.SetMSRs(
		uapi.MSREntry{Index: msrSysenterCS, Data: 0x10},
		uapi.MSREntry{Index: msrSysenterESP, Data: 0x8000},
	))
	got, err := v.MSRs(msrSysenterESP, msrSysenterCS)
	must(t, err)
	want := []uapi.MSREntry{{Index: msrSysenterESP, Data: 0x8000}, {Index: msrSysenterCS, Data: 0x10}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if value, err := v.MSR(msrSysenterCS); err != nil || value != 0x10 {
		t.Errorf("MSR: %#x, %v", value, err)
	}
	if got, err := v.MSRs(); len(got) != 0 || err != nil {
		t.Errorf("no MSRs: %v, %v", got, err)
	}
}

func TestMSRErrorNamesTheOneThatFailed(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	must(t, v.SetMSR(msrSysenterCS, 0x18))
	got, err := v.MSRs(msrSysenterCS, msrUnknownToAll, msrSysenterESP)
	checkMSRError(t, err, "KVM_GET_MSRS")
	if len(got) != 1 || got[0].Data != 0x18 {
		t.Errorf("got %+v, want the one MSR before the unknown one", got)
	}
	err = v.SetMSRs(
		uapi.MSREntry{Index: msrSysenterCS, Data: 0x20},
		uapi.MSREntry{Index: msrUnknownToAll, Data: 1},
		uapi.MSREntry{Index: msrSysenterESP, Data: 1},
	)
	checkMSRError(t, err, "KVM_SET_MSRS")
	if value, err := v.MSR(msrSysenterCS); err != nil || value != 0x20 {
		t.Errorf("the MSR before the unknown one is %#x, %v; want it set", value, err)
	}
}

func checkMSRError(t *testing.T, err error, op string) {
	t.Helper()
	var e *MSRError
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want an MSRError", err)
	}
	if e.Op != op || e.Index != msrUnknownToAll || e.Done != 1 {
		t.Errorf("got %+v, want %s to fail at %#x after 1", e, op, msrUnknownToAll)
	}
	if text := err.Error(); !strings.Contains(text, op) || !strings.Contains(text, "0x4ffffff0") {
		t.Errorf("the error %q does not name the call and the MSR", text)
	}
}

func TestMSRsBeyondOneCall(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	indices := slices.Repeat([]uint32{msrSysenterCS}, 3*msrBatch+1)
	must(t, v.SetMSR(msrSysenterCS, 0x28))
	got, err := v.MSRs(indices...)
	must(t, err)
	if len(got) != len(indices) || got[len(got)-1].Data != 0x28 {
		t.Errorf("got %d entries, want %d", len(got), len(indices))
	}
	indices[2*msrBatch+5] = msrUnknownToAll
	_, err = v.MSRs(indices...)
	var e *MSRError
	if !errors.As(err, &e) || e.Done != 2*msrBatch+5 {
		t.Errorf("got %v, want a failure after %d", err, 2*msrBatch+5)
	}
}

func TestMSRIndexList(t *testing.T) {
	list, err := openSystem(t).MSRIndexList()
	must(t, err)
	if !slices.Contains(list, msrTSC) || !slices.Contains(list, msrSysenterCS) {
		t.Errorf("the list of %d MSRs lacks ones that every processor has: %#x", len(list), list)
	}
}

func TestFeatureMSRs(t *testing.T) {
	s := openSystem(t)
	needCap(t, s, uapi.CapGetMSRFeatures, "4.16")
	list, err := s.MSRFeatureIndexList()
	must(t, err)
	got, err := s.MSRs(list...)
	must(t, err)
	if len(list) == 0 || len(got) != len(list) {
		t.Errorf("%d feature MSRs, %d could be read", len(list), len(got))
	}
	if _, err := s.MSRs(msrUnknownToAll); err == nil {
		t.Error("an unknown feature MSR could be read")
	}
}
