//go:build amd64 || arm64 || riscv64

package kvm

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// A state is encoded as
//
//	"KVMSTATE"  magic
//	byte        what it is of: 'C' a vCPU, 'V' a VM
//	uint32      StateVersion
//	byte, text  architecture
//	sections    byte, text: its name; uint32, bytes: what it holds
//	uint32      CRC-32 (IEEE) of all before
//
// in little-endian order. A section holds a struct of the kernel's ABI as it is in
// memory, or what its field says. One that is not known is refused: it would be state
// that is lost.

const (
	stateMagic     = "KVMSTATE"
	stateOfVCPU    = 'C'
	stateOfVM      = 'V'
	stateCRCLength = 4
)

// MarshalBinary encodes the state, in a form that stays the same for a version.
func (s *VCPUState) MarshalBinary() ([]byte, error) {
	return marshalState(stateOfVCPU, &s.StateHeader, s.fields())
}

// UnmarshalBinary decodes what MarshalBinary made, and refuses what is damaged, of
// another version or of another architecture, with a *StateError. s is then as it was.
func (s *VCPUState) UnmarshalBinary(data []byte) error {
	var state VCPUState
	if err := unmarshalState(stateOfVCPU, &state.StateHeader, state.fields(), data); err != nil {
		return err
	}
	*s = state
	return nil
}

// MarshalBinary encodes the state, in a form that stays the same for a version.
func (s *VMState) MarshalBinary() ([]byte, error) {
	return marshalState(stateOfVM, &s.StateHeader, s.fields())
}

// UnmarshalBinary decodes what MarshalBinary made, in the manner of
// [VCPUState.UnmarshalBinary].
func (s *VMState) UnmarshalBinary(data []byte) error {
	var state VMState
	if err := unmarshalState(stateOfVM, &state.StateHeader, state.fields(), data); err != nil {
		return err
	}
	*s = state
	return nil
}

func marshalState(of byte, h *StateHeader, fields []stateField) ([]byte, error) {
	b := append([]byte(stateMagic), of)
	b = binary.LittleEndian.AppendUint32(b, h.Version)
	if len(h.Arch) > math.MaxUint8 {
		return nil, invalid("state: an architecture of %d bytes", len(h.Arch))
	}
	b = appendText(b, h.Arch)
	for _, f := range fields {
		content, err := f.put()
		if err != nil {
			return nil, err
		}
		if content == nil && !f.required {
			continue
		}
		b = appendText(b, f.name)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(content)))
		b = append(b, content...)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)), nil
}

func appendText(b []byte, text string) []byte { return append(append(b, byte(len(text))), text...) }

func unmarshalState(of byte, h *StateHeader, fields []stateField, data []byte) error {
	r := stateReader{data}
	if string(r.bytes(len(stateMagic))) != stateMagic {
		return corrupt("encoding", "this is not a state of this package")
	}
	kind := r.uint8()
	h.Version = r.uint32()
	h.Arch = r.text()
	if r.data == nil {
		return corrupt("encoding", "%d bytes end before the first part", len(data))
	}
	if err := h.check(); err != nil {
		return err
	}
	if kind != of {
		return corrupt("encoding", "this is a state of %s, not of %s", stateKind(kind), stateKind(of))
	}
	if len(r.data) < stateCRCLength {
		return corrupt("encoding", "%d bytes are too few", len(data))
	}
	body := len(data) - stateCRCLength
	if want, got := binary.LittleEndian.Uint32(data[body:]), crc32.ChecksumIEEE(data[:body]); want != got {
		return corrupt("encoding", "the checksum is %#x, and the data's is %#x: it is damaged or cut off", want, got)
	}
	r.data = r.data[:len(r.data)-stateCRCLength]
	return r.sections(fields)
}

func stateKind(kind byte) string {
	switch kind {
	case stateOfVCPU:
		return "a vCPU"
	case stateOfVM:
		return "a VM"
	default:
		return fmt.Sprintf("the unknown kind %#x", kind)
	}
}

func corrupt(part, format string, args ...any) error {
	return &StateError{Part: part, Reason: fmt.Sprintf(format, args...), Err: ErrInvalid}
}

// stateReader takes data apart. When that ends too soon, data is nil, and stays so.
type stateReader struct{ data []byte }

func (r *stateReader) bytes(n int) []byte {
	if r.data == nil || n > len(r.data) {
		r.data = nil
		return nil
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

func (r *stateReader) uint8() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *stateReader) uint32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *stateReader) text() string { return string(r.bytes(int(r.uint8()))) }

func (r *stateReader) sections(fields []stateField) error {
	seen := make(map[string]bool)
	for len(r.data) > 0 {
		name := r.text()
		content := r.bytes(int(r.uint32()))
		if r.data == nil {
			return corrupt("encoding", "it ends within the part %q", name)
		}
		if seen[name] {
			return corrupt(name, "there are two of it")
		}
		seen[name] = true
		if err := decodeSection(fields, name, content); err != nil {
			return err
		}
	}
	for _, f := range fields {
		if f.required && !seen[f.name] {
			return corrupt(f.name, "it is missing")
		}
	}
	return nil
}

func decodeSection(fields []stateField, name string, content []byte) error {
	for _, f := range fields {
		if f.name == name {
			return f.get(content)
		}
	}
	return corrupt("encoding", "this package does not know the part %q", name)
}
