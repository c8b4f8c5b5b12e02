//go:build amd64 || arm64 || riscv64

package kvm

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"errors"
	"hash/crc32"
	"reflect"
	"testing"
)

// binaryState is a *VCPUState or a *VMState.
type binaryState interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// states are samples with everything in them, and where to decode each.
func states() map[string][2]binaryState {
	return map[string][2]binaryState{
		"vCPU": {sampleVCPUState(), new(VCPUState)},
		"VM":   {sampleVMState(), new(VMState)},
	}
}

func TestStateEncodings(t *testing.T) {
	for name, s := range states() {
		t.Run(name, func(t *testing.T) {
			b, err := s[0].MarshalBinary()
			must(t, err)
			must(t, s[1].UnmarshalBinary(b))
			if !reflect.DeepEqual(s[0], s[1]) {
				t.Errorf("%+v became %+v", s[0], s[1])
			}
			again, err := s[1].MarshalBinary()
			must(t, err)
			if !bytes.Equal(b, again) {
				t.Error("encoded again it is something else")
			}
		})
	}
	for name, s := range states() {
		t.Run(name+" as JSON", func(t *testing.T) {
			b, err := json.Marshal(s[0])
			must(t, err)
			must(t, json.Unmarshal(b, s[1]))
			if !reflect.DeepEqual(s[0], s[1]) {
				t.Errorf("%+v became %+v", s[0], s[1])
			}
		})
	}
	for name, s := range states() {
		t.Run(name+" as gob", func(t *testing.T) {
			var b bytes.Buffer
			must(t, gob.NewEncoder(&b).Encode(s[0]))
			must(t, gob.NewDecoder(&b).Decode(s[1]))
			if !reflect.DeepEqual(s[0], s[1]) {
				t.Errorf("%+v became %+v", s[0], s[1])
			}
		})
	}
}

// sum gives an encoding the checksum that it should have.
func sum(b []byte) []byte {
	body := bytes.Clone(b[:len(b)-stateCRCLength])
	return binary.LittleEndian.AppendUint32(body, crc32.ChecksumIEEE(body))
}

// Wherever a bit is turned over or the end is cut off, that is an error, and what there
// was stays.
func TestDamagedStates(t *testing.T) {
	for name, s := range states() {
		t.Run(name, func(t *testing.T) {
			b, err := s[0].MarshalBinary()
			must(t, err)
			for n := 0; n < len(b); n += 1 + n/200 { // the further, the more alike
				if err := s[1].UnmarshalBinary(b[:n]); !isStateError(err) {
					t.Fatalf("%d of %d bytes: %v", n, len(b), err)
				}
				damaged := bytes.Clone(b)
				damaged[n] ^= 1 << (n % 8)
				if err := s[1].UnmarshalBinary(damaged); !isStateError(err) {
					t.Fatalf("byte %d damaged: %v", n, err)
				}
			}
			if zero := reflect.New(reflect.TypeOf(s[1]).Elem()).Interface(); !reflect.DeepEqual(zero, s[1]) {
				t.Errorf("something of a damaged state is there: %+v", s[1])
			}
		})
	}
}

func isStateError(err error) bool {
	var e *StateError
	return errors.As(err, &e) && errors.Is(err, ErrInvalid)
}

func TestRefusedEncodings(t *testing.T) {
	vcpu, err := sampleVCPUState().MarshalBinary()
	must(t, err)
	const version, arch = 9, 13
	change := func(do func([]byte) []byte) []byte { return sum(do(bytes.Clone(vcpu))) }
	extra := func(name string, content ...byte) func([]byte) []byte {
		return func(b []byte) []byte {
			b = appendText(b[:len(b)-stateCRCLength], name)
			b = binary.LittleEndian.AppendUint32(b, uint32(len(content)))
			return append(append(b, content...), 0, 0, 0, 0)
		}
	}
	for _, c := range []struct {
		name  string
		data  []byte
		words []string
	}{
		{"nothing", nil, []string{"not a state"}},
		{"something else", []byte("\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00"), []string{"not a state"}},
		{"a newer version", change(func(b []byte) []byte { b[version] = 2; return b }), []string{"version", "it is 2"}},
		{"another architecture", change(func(b []byte) []byte { copy(b[arch+1:], "mips"); return b }), []string{"architecture", "mips"}},
		{"an unknown part", change(extra("quantum", 1)), []string{`"quantum"`}},
		{"a part twice", change(extra("id", 1, 0, 0, 0)), []string{"id", "two"}},
		{"a register's half", change(func([]byte) []byte {
			s := sampleVCPUState()
			s.Registers = nil
			b, err := s.MarshalBinary()
			must(t, err)
			return extra("one_reg", 1, 2, 3)(b)
		}), []string{"one_reg", "id of a register"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantError(t, new(VCPUState).UnmarshalBinary(c.data), ErrInvalid, c.words...)
		})
	}
	wantError(t, new(VMState).UnmarshalBinary(vcpu), ErrInvalid, "of a vCPU")
	s := sampleVCPUState()
	s.Registers = []RegState{{ID: s.Registers[0].ID, Value: []byte{1}}}
	_, err = s.MarshalBinary()
	wantError(t, err, ErrInvalid, s.Registers[0].ID.String())
}

// Whatever the bytes, they are refused or mean one state.
func FuzzUnmarshalState(f *testing.F) {
	for _, s := range states() {
		b, err := s[0].MarshalBinary()
		must(f, err)
		f.Add(b)
	}
	f.Add([]byte(stateMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzState(t, data, new(VCPUState), new(VCPUState))
		fuzzState(t, data, new(VMState), new(VMState))
		if len(data) >= stateCRCLength {
			fuzzState(t, sum(data), new(VCPUState), new(VCPUState))
			fuzzState(t, sum(data), new(VMState), new(VMState))
		}
	})
}

func fuzzState(t *testing.T, data []byte, first, second binaryState) {
	if err := first.UnmarshalBinary(data); err != nil {
		if !isStateError(err) {
			t.Fatalf("%T: %v", err, err)
		}
		return
	}
	b, err := first.MarshalBinary()
	must(t, err)
	must(t, second.UnmarshalBinary(b))
	again, err := second.MarshalBinary()
	must(t, err)
	if !bytes.Equal(b, again) {
		t.Error("a state that was encoded and decoded is another")
	}
}
