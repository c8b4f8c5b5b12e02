package kvm

import (
	"bytes"
	"reflect"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestNestedState(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	if n, err := vm.CheckExtension(uapi.CapNestedState); err == nil && n == 0 {
		_, err := v.NestedState()
		wantError(t, err, ErrNotSupported, "KVM_CAP_NESTED_STATE", "4.19")
		wantError(t, v.SetNestedState(&NestedState{SVM: &NestedSVM{}}), ErrNotSupported)
	}
	needCap(t, vm, uapi.CapNestedState, "5.8") // with the module's parameter nested, which is the default
	supported, err := openSystem(t).SupportedCPUID()
	must(t, err)
	must(t, v.SetCPUID2(supported))
	state, err := v.NestedState()
	must(t, err)
	if (state.VMX == nil) == (state.SVM == nil) || state.Flags&uapi.StateNestedGuestMode != 0 {
		t.Fatalf("a new vCPU has the state %+v", state)
	}
	must(t, v.SetNestedState(state))
	again, err := v.NestedState()
	must(t, err)
	if !reflect.DeepEqual(again, state) {
		t.Errorf("the state is %+v after it was set to %+v", again, state)
	}
	// That of the other make of processor is refused.
	other := &NestedState{SVM: &NestedSVM{}}
	if state.SVM != nil {
		other = &NestedState{VMX: &NestedVMX{}}
	}
	wantError(t, v.SetNestedState(other), syscall.EINVAL, "KVM_SET_NESTED_STATE")
	// A vCPU in its guest's guest has that one's VMCS or VMCB, which is missing.
	state.Flags |= uapi.StateNestedGuestMode
	wantError(t, v.SetNestedState(state), syscall.EINVAL)
}

func TestNestedStateWrong(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	for name, s := range map[string]*NestedState{
		"nil":            nil,
		"neither":        {},
		"both":           {VMX: &NestedVMX{}, SVM: &NestedSVM{}},
		"short VMCB":     {SVM: &NestedSVM{VMCB12: make([]byte, 1)}},
		"long VMCS":      {VMX: &NestedVMX{VMCS12: make([]byte, vmcsSize+1)}},
		"shadow alone":   {VMX: &NestedVMX{ShadowVMCS12: make([]byte, vmcsSize)}},
		"shadow short":   {VMX: &NestedVMX{VMCS12: make([]byte, vmcsSize), ShadowVMCS12: make([]byte, 8)}},
		"shadow of none": {VMX: &NestedVMX{VMCS12: []byte{}, ShadowVMCS12: make([]byte, vmcsSize)}},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, v.SetNestedState(s), ErrInvalid, "KVM_SET_NESTED_STATE") })
	}
	must(t, v.Close())
	_, err := v.NestedState()
	wantError(t, err, ErrClosed)
	wantError(t, v.SetNestedState(&NestedState{SVM: &NestedSVM{}}), ErrClosed)
}

func TestNestedStateEncoding(t *testing.T) {
	page := bytes.Repeat([]byte{0xa5}, vmcsSize)
	shadow := bytes.Repeat([]byte{0x5a}, vmcsSize)
	for name, c := range map[string]struct {
		state  NestedState
		format uint16
		size   int
	}{
		"SVM":          {NestedState{Flags: 0x100, SVM: &NestedSVM{SVMNestedStateHdr: uapi.SVMNestedStateHdr{VMCBPA: 0x1000}}}, 1, 128},
		"SVM in guest": {NestedState{Flags: 1, SVM: &NestedSVM{VMCB12: page}}, 1, 128 + 4096},
		"VMX":          {NestedState{VMX: &NestedVMX{VMXNestedStateHdr: uapi.VMXNestedStateHdr{VmxonPA: 0x1000, VMCS12PA: 0x2000}}}, 0, 128},
		"VMX in guest": {NestedState{Flags: 1, VMX: &NestedVMX{VMCS12: page}}, 0, 128 + 4096},
		"VMX shadow":   {NestedState{VMX: &NestedVMX{VMCS12: page, ShadowVMCS12: shadow}}, 0, 128 + 8192},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := encodeNested(&c.state)
			must(t, err)
			if h := b.Header(); h.Format != c.format || int(h.Size) != c.size || b.Size() != c.size || h.Flags != c.state.Flags {
				t.Errorf("header %+v of %d bytes, want format %d, size %d", *h, b.Size(), c.format, c.size)
			}
			got, err := decodeNested(b)
			must(t, err)
			if !reflect.DeepEqual(*got, c.state) {
				t.Errorf("decoded %+v, want %+v", *got, c.state)
			}
		})
	}
	b := newNestedBuffer(1)
	b.Header().Size = 1 << 31 // more than there is
	if s, err := decodeNested(b); err != nil || s.VMX == nil || len(s.VMX.VMCS12) != vmcsSize || s.VMX.ShadowVMCS12 != nil {
		t.Errorf("%+v, %v", s, err)
	}
	b.Header().Format = 7
	_, err := decodeNested(b)
	wantError(t, err, ErrInvalid, "format 7")
}
