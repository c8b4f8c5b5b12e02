package kvm

import (
	"testing"

	"linuxkvm/uapi"
)

func TestRegSize(t *testing.T) {
	for id, want := range map[uint64]int{
		0:                    1,
		uapi.RegSizeU32 | 5:  4,
		uapi.RegSizeU64 | 5:  8,
		uapi.RegSizeU2048:    256,
		9 << 52:              0,
		15<<52 | 0xfff:       0,
		1<<63 | 3<<52 | 1<<5: 8,
	} {
		if got := RegSize(id); got != want {
			t.Errorf("RegSize(%#x) = %d, want %d", id, got, want)
		}
	}
}

func TestOneRegRefusesAWrongSize(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	for _, n := range []int{0, 1, 4, 7, 9, 16} {
		wantError(t, v.OneReg(uapi.RegSizeU64, make([]byte, n)), ErrInvalid)
		wantError(t, v.SetOneReg(uapi.RegSizeU64, make([]byte, n)), ErrInvalid)
	}
	wantError(t, v.OneReg(15<<52, nil), ErrInvalid)
	_, err := v.OneRegUint64(uapi.RegSizeU128)
	wantError(t, err, ErrInvalid)
	wantError(t, v.SetOneRegUint64(uapi.RegSizeU128, 0), ErrInvalid)
}

func TestOneRegUnknown(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	if _, err := v.OneRegUint64(uapi.RegSizeU64 | 0xffff); err == nil {
		t.Error("an unknown register could be read")
	}
}
