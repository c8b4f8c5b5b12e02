package kvm

import "linuxkvm/uapi"

// NestedState is what a vCPU remembers of the guests that its guest runs. It has
// VMX or SVM, by the host's processor.
type NestedState struct {
	Flags uint16 // uapi.StateNestedGuestMode, StateNestedRunPending and so on
	VMX   *NestedVMX
	SVM   *NestedSVM
}

// NestedVMX is the state on an Intel processor.
type NestedVMX struct {
	uapi.VMXNestedStateHdr
	// VMCS12 is the guest's current VMCS as KVM keeps it, 4096 bytes, and
	// ShadowVMCS12 the one it links to; nil where there is none.
	VMCS12, ShadowVMCS12 []byte
}

// NestedSVM is the state on an AMD processor.
type NestedSVM struct {
	uapi.SVMNestedStateHdr
	// VMCB12 is the guest's VMCB as KVM keeps it, 4096 bytes, while the vCPU runs
	// its guest's guest; nil otherwise.
	VMCB12 []byte
}

// vmcsSize is the size of each of the pages in the state, those of AMD too.
const vmcsSize = uapi.StateNestedVMXVMCSSize

// NestedState returns the vCPU's state of nested virtualization. How large it may
// be is the value of KVM_CAP_NESTED_STATE.
//
// ioctl: KVM_GET_NESTED_STATE (vcpu) · cap: KVM_CAP_NESTED_STATE · arch: x86 · since: Linux 4.19 · doc: virt/kvm/api.rst "KVM_GET_NESTED_STATE"
func (v *VCPU) NestedState() (*NestedState, error) {
	size, err := v.nestedStateSize()
	if err != nil {
		return nil, err
	}
	// The vCPU may become larger between two calls, but not than the host says.
	b := newNestedBuffer((size - nestedHeader + vmcsSize - 1) / vmcsSize)
	if _, err := ioctlBuffer(v.c().fd, uapi.IoctlVCPUGetNestedState, b.Pointer()); err != nil {
		return nil, err
	}
	return decodeNested(b)
}

// SetNestedState sets the vCPU's state of nested virtualization, on the same kind
// of processor. It comes after SetCPUID2, SetSregs and the MSRs; EINVAL means a
// state that does not fit to those.
//
// ioctl: KVM_SET_NESTED_STATE (vcpu) · cap: KVM_CAP_NESTED_STATE · arch: x86 · since: Linux 4.19 · doc: virt/kvm/api.rst "KVM_SET_NESTED_STATE"
func (v *VCPU) SetNestedState(state *NestedState) error {
	b, err := encodeNested(state)
	if err != nil {
		return err
	}
	if _, err := v.nestedStateSize(); err != nil {
		return err
	}
	_, err = ioctlBuffer(v.c().fd, uapi.IoctlVCPUSetNestedState, b.Pointer())
	return err
}

// nestedStateSize asks first: not every module refuses the call by itself.
func (v *VCPU) nestedStateSize() (int, error) {
	if v.c().fd.Closed() {
		return 0, opError(uapi.IoctlVCPUGetNestedState, ErrClosed)
	}
	size, err := v.vm.CheckExtension(uapi.CapNestedState)
	switch {
	case err != nil:
		return 0, err
	case size == 0:
		return 0, &UnsupportedError{Cap: uapi.CapNestedState, MinKernel: "4.19"}
	}
	return max(size, nestedHeader), nil
}

// nestedBuffer is struct kvm_nested_state with pages behind it, whatever they
// are: one is as large as an AMD state's.
type nestedBuffer = uapi.NestedStateSVMBuffer

func newNestedBuffer(pages int) *nestedBuffer { return uapi.NewNestedStateSVMBuffer(pages) }

// nestedHeader is the size in bytes of the state without pages.
var nestedHeader = newNestedBuffer(0).Size()

func decodeNested(b *nestedBuffer) (*NestedState, error) {
	h := b.Header()
	pages := b.Entries()[:min(max(int(h.Size)-nestedHeader, 0)/vmcsSize, b.Len())]
	page := func(i int) []byte {
		if i >= len(pages) {
			return nil
		}
		return pages[i].VMCB12[:]
	}
	s := &NestedState{Flags: h.Flags}
	switch h.Format {
	case uapi.StateNestedFormatVMX:
		s.VMX = &NestedVMX{VMXNestedStateHdr: *h.Hdr.VMX(), VMCS12: page(0), ShadowVMCS12: page(1)}
	case uapi.StateNestedFormatSVM:
		s.SVM = &NestedSVM{SVMNestedStateHdr: *h.Hdr.SVM(), VMCB12: page(0)}
	default:
		return nil, invalid("%v: KVM gives the format %d, which this package does not know", uapi.IoctlVCPUGetNestedState, h.Format)
	}
	return s, nil
}

func encodeNested(s *NestedState) (*nestedBuffer, error) {
	if s == nil || (s.VMX == nil) == (s.SVM == nil) {
		return nil, invalid("%v: want a state with either VMX or SVM", uapi.IoctlVCPUSetNestedState)
	}
	pages, err := s.pages()
	if err != nil {
		return nil, err
	}
	b := newNestedBuffer(len(pages))
	for i, page := range pages {
		copy(b.Entries()[i].VMCB12[:], page)
	}
	h := b.Header()
	h.Flags = s.Flags
	if s.SVM != nil {
		h.Format = uapi.StateNestedFormatSVM
		*h.Hdr.SVM() = s.SVM.SVMNestedStateHdr
		return b, nil
	}
	h.Format = uapi.StateNestedFormatVMX
	*h.Hdr.VMX() = s.VMX.VMXNestedStateHdr
	return b, nil
}

// pages returns the pages that the state has, in KVM's order.
func (s *NestedState) pages() (list [][]byte, err error) {
	if s.SVM != nil {
		list = [][]byte{s.SVM.VMCB12}
	} else {
		list = [][]byte{s.VMX.VMCS12, s.VMX.ShadowVMCS12}
		if len(list[0]) == 0 && len(list[1]) != 0 {
			return nil, invalid("%v: a ShadowVMCS12 without a VMCS12", uapi.IoctlVCPUSetNestedState)
		}
	}
	for i, page := range list {
		switch len(page) {
		case vmcsSize:
		case 0:
			return list[:i], nil
		default:
			return nil, invalid("%v: a VMCS or VMCB of %d bytes, want %d or none", uapi.IoctlVCPUSetNestedState, len(page), vmcsSize)
		}
	}
	return list, nil
}
