package kvm

import (
	"reflect"
	"testing"

	"linuxkvm/uapi"
)

// Each field brings its own registers and no others.
func TestCopySyncRegs(t *testing.T) {
	full := new(uapi.SyncRegs)
	fillStruct(reflect.ValueOf(full).Elem())
	full.SetBPBC(true)
	for field, want := range map[uint64]func(*uapi.SyncRegs){
		uapi.SyncPrefix: func(r *uapi.SyncRegs) { r.Prefix = full.Prefix },
		uapi.SyncGPRs:   func(r *uapi.SyncRegs) { r.GPRs = full.GPRs },
		uapi.SyncACRs:   func(r *uapi.SyncRegs) { r.ACRs = full.ACRs },
		uapi.SyncCRs:    func(r *uapi.SyncRegs) { r.CRs = full.CRs },
		uapi.SyncArch0: func(r *uapi.SyncRegs) {
			r.Todpr, r.Cputm, r.Ckc, r.Pp, r.Gbea = full.Todpr, full.Cputm, full.Ckc, full.Pp, full.Gbea
		},
		uapi.SyncPfault:  func(r *uapi.SyncRegs) { r.Pft, r.PFS, r.Pfc = full.Pft, full.PFS, full.Pfc },
		uapi.SyncVRs:     func(r *uapi.SyncRegs) { r.VRs, r.FPC = full.VRs, full.FPC },
		uapi.SyncFPRs:    func(r *uapi.SyncRegs) { copy(r.VRs[:8], full.VRs[:8]); r.FPC = full.FPC },
		uapi.SyncRICCB:   func(r *uapi.SyncRegs) { r.RICCB = full.RICCB },
		uapi.SyncGSCB:    func(r *uapi.SyncRegs) { copy(r.Union[2:6], full.Union[2:6]) },
		uapi.SyncBPBC:    func(r *uapi.SyncRegs) { r.Bits[0] = 0x80 },
		uapi.SyncEtoken:  func(r *uapi.SyncRegs) { copy(r.Union[6:8], full.Union[6:8]) },
		uapi.SyncDiag318: func(r *uapi.SyncRegs) { r.Diag318 = full.Diag318 },
	} {
		var got, expected uapi.SyncRegs
		copySyncRegs(&got, full, field)
		want(&expected)
		if !reflect.DeepEqual(got, expected) {
			t.Errorf("field %#x: got %+v, want %+v", field, got, expected)
		}
	}
	covered := uint64(0)
	for field := uint64(1); field != 0; field <<= 1 {
		var got uapi.SyncRegs
		copySyncRegs(&got, full, field)
		if got != (uapi.SyncRegs{}) {
			covered |= field
		}
	}
	if covered != uapi.SyncS390ValidFields {
		t.Errorf("fields %#x are copied, the headers have %#x", covered, uint64(uapi.SyncS390ValidFields))
	}
}

// fillStruct makes no byte of numbers 0.
func fillStruct(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillStruct(v.Field(i))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fillStruct(v.Index(i))
		}
	default:
		v.SetUint(0x1111111111111111 >> (64 - 8*v.Type().Size()))
	}
}

func TestSyncRegs(t *testing.T) {
	c := fakeVCPU(t)
	v := &VCPU{core: c, vm: fakeVM(t)}
	c.page.KVMValidRegs = uapi.SyncGPRs | uapi.SyncPrefix
	c.page.S.Regs().Prefix = 0x8000
	regs, valid, err := v.SyncRegs()
	must(t, err)
	if regs.Prefix != 0x8000 || valid != uapi.SyncGPRs|uapi.SyncPrefix {
		t.Errorf("prefix %#x, valid %#x", regs.Prefix, valid)
	}
	regs.GPRs[2], regs.Prefix = 5, 0
	must(t, v.SetSyncRegs(uapi.SyncGPRs, &regs))
	if r := c.page.S.Regs(); r.GPRs[2] != 5 || r.Prefix != 0x8000 || c.page.KVMDirtyRegs != uapi.SyncGPRs {
		t.Errorf("GPR 2 %#x, prefix %#x, dirty %#x", r.GPRs[2], r.Prefix, c.page.KVMDirtyRegs)
	}
	refused(t, v.SetSyncRegs(uapi.SyncVRs|uapi.SyncGPRs, &regs), "0x40")
	refused(t, v.SetSyncRegs(0, nil), "nil")
	must(t, v.SetPSW(uapi.S390PSW{Mask: 1 << 63, Addr: 0x1000}))
	if psw, err := v.PSW(); psw.Mask != 1<<63 || psw.Addr != 0x1000 || c.page.PSWAddr != 0x1000 || err != nil {
		t.Errorf("%+v, %v", psw, err)
	}
	v.Close()
	_, _, err = v.SyncRegs()
	wantError(t, err, ErrClosed)
	wantError(t, v.SetPSW(uapi.S390PSW{}), ErrClosed)
	_, err = v.PSW()
	wantError(t, err, ErrClosed)
}
