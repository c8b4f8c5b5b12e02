package kvm

import (
	"encoding/binary"
	"slices"

	"linuxkvm/uapi"
)

// The nested state is encoded as its flags, 'V' for VMX or 'S' for SVM, the header of
// that, and the pages that there are.

func nestedField(name string, p **NestedState) stateField {
	return stateField{
		name: name,
		put: func() ([]byte, error) {
			if *p == nil {
				return nil, nil
			}
			return encodeNestedState(*p)
		},
		get: func(b []byte) (err error) {
			*p, err = decodeNestedState(name, b)
			return err
		},
	}
}

func encodeNestedState(s *NestedState) ([]byte, error) {
	if (s.VMX == nil) == (s.SVM == nil) {
		return nil, invalid("state: a nested state with either VMX or SVM is wanted")
	}
	pages, err := s.pages()
	if err != nil {
		return nil, err
	}
	b := binary.LittleEndian.AppendUint16(nil, s.Flags)
	if s.VMX != nil {
		b = append(append(b, 'V'), bytesOf(&s.VMX.VMXNestedStateHdr)...)
	} else {
		b = append(append(b, 'S'), bytesOf(&s.SVM.SVMNestedStateHdr)...)
	}
	for _, page := range pages {
		b = append(b, page...)
	}
	return b, nil
}

func decodeNestedState(name string, b []byte) (*NestedState, error) {
	r := stateReader{b}
	flags := r.bytes(2)
	if flags == nil {
		return nil, corrupt(name, "it has %d bytes", len(b))
	}
	s := &NestedState{Flags: binary.LittleEndian.Uint16(flags)}
	switch kind := r.uint8(); kind {
	case 'V':
		s.VMX = new(NestedVMX)
		return s, decodeNestedPages(name, &r, &s.VMX.VMXNestedStateHdr, &s.VMX.VMCS12, &s.VMX.ShadowVMCS12)
	case 'S':
		s.SVM = new(NestedSVM)
		return s, decodeNestedPages(name, &r, &s.SVM.SVMNestedStateHdr, &s.SVM.VMCB12)
	default:
		return nil, corrupt(name, "the kind %#x is not known", kind)
	}
}

func decodeNestedPages[H uapi.VMXNestedStateHdr | uapi.SVMNestedStateHdr](name string, r *stateReader, header *H, pages ...*[]byte) error {
	if err := decodeValue(name, r.bytes(len(bytesOf(header))), header); err != nil {
		return err
	}
	for _, page := range pages {
		if len(r.data) == 0 {
			return nil
		}
		b := r.bytes(vmcsSize)
		if b == nil {
			return corrupt(name, "it ends within a page")
		}
		*page = slices.Clone(b)
	}
	if len(r.data) != 0 {
		return corrupt(name, "there are %d bytes behind its pages", len(r.data))
	}
	return nil
}

// bytesField is bytes.
func bytesField(name string, p *[]byte) stateField {
	return stateField{
		name: name,
		put:  func() ([]byte, error) { return *p, nil },
		get: func(b []byte) error {
			*p = slices.Clone(b)
			return nil
		},
	}
}
