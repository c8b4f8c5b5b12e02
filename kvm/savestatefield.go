//go:build amd64 || arm64 || riscv64

package kvm

import (
	"encoding/binary"
	"slices"

	"linuxkvm/uapi"
)

// stateField is how one part of a state is encoded. What is not required and puts nil
// is left out.
type stateField struct {
	name     string
	required bool
	put      func() ([]byte, error)
	get      func([]byte) error
}

// valueField is a number or a struct of the kernel's. T is as in bytesOf.
func valueField[T any](name string, p *T) stateField {
	return stateField{
		name: name, required: true,
		put: func() ([]byte, error) { return bytesOf(p), nil },
		get: func(b []byte) error { return decodeValue(name, b, p) },
	}
}

func decodeValue[T any](name string, b []byte, p *T) error {
	to := bytesOf(p)
	if len(b) != len(to) {
		return corrupt(name, "it has %d bytes, want %d", len(b), len(to))
	}
	copy(to, b)
	return nil
}

// optionalField is a struct that there may be.
func optionalField[T any](name string, p **T) stateField {
	return stateField{
		name: name,
		put: func() ([]byte, error) {
			if *p == nil {
				return nil, nil
			}
			return bytesOf(*p), nil
		},
		get: func(b []byte) error {
			*p = new(T)
			return decodeValue(name, b, *p)
		},
	}
}

// listField is a list of structs.
func listField[T any](name string, p *[]T) stateField {
	return stateField{
		name: name,
		put: func() (b []byte, _ error) {
			for i := range *p {
				b = append(b, bytesOf(&(*p)[i])...)
			}
			return b, nil
		},
		get: func(b []byte) error {
			var element T
			size := len(bytesOf(&element))
			if len(b)%size != 0 {
				return corrupt(name, "it has %d bytes, want a multiple of %d", len(b), size)
			}
			*p = make([]T, len(b)/size)
			for i := range *p {
				copy(bytesOf(&(*p)[i]), b[i*size:])
			}
			return nil
		},
	}
}

// regsField is a list of registers: each the id and then as many bytes as it says.
func regsField(name string, p *[]RegState) stateField {
	return stateField{
		name: name,
		put:  func() ([]byte, error) { return encodeRegs(*p) },
		get: func(b []byte) error {
			list, err := decodeRegs(name, b)
			*p = list
			return err
		},
	}
}

func encodeRegs(list []RegState) (b []byte, _ error) {
	for _, r := range list {
		if r.ID.Size() == 0 || r.ID.Size() != len(r.Value) {
			return nil, invalid("state: register %v has %d bytes, the state has %d", r.ID, r.ID.Size(), len(r.Value))
		}
		b = binary.LittleEndian.AppendUint64(b, uint64(r.ID))
		b = append(b, r.Value...)
	}
	return b, nil
}

func decodeRegs(name string, b []byte) (list []RegState, _ error) {
	for r := (stateReader{b}); len(r.data) > 0; {
		id := r.bytes(8)
		if id == nil {
			return nil, corrupt(name, "it ends within the id of a register")
		}
		reg := uapi.Reg(binary.LittleEndian.Uint64(id))
		if reg.Size() == 0 {
			return nil, corrupt(name, "%#x is not the id of a register", uint64(reg))
		}
		value := r.bytes(reg.Size())
		if value == nil {
			return nil, corrupt(name, "it ends within the register %v", reg)
		}
		list = append(list, RegState{ID: reg, Value: slices.Clone(value)})
	}
	return list, nil
}
