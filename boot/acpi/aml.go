package acpi

import (
	"encoding/binary"
	"fmt"
)

// AML, the byte code of definition blocks, as far as device descriptions need
// it. Each function returns one encoded term; terms nest by concatenation.

// Opcodes and prefixes (ACPI 6.5, section 20.3).
const (
	amlZero      = 0x00
	amlOne       = 0x01
	amlName      = 0x08
	amlByte      = 0x0a
	amlWord      = 0x0b
	amlDWord     = 0x0c
	amlString    = 0x0d
	amlQWord     = 0x0e
	amlScope     = 0x10
	amlBuffer    = 0x11
	amlPackage   = 0x12
	amlMethod    = 0x14
	amlExt       = 0x5b
	amlExtDevice = 0x82
	amlArg0      = 0x68
	amlNotify    = 0x86
	amlLEqual    = 0x93
	amlIf        = 0xa0
)

// integer encodes a constant in its shortest form.
func integer(v uint64) []byte {
	switch {
	case v == 0:
		return []byte{amlZero}
	case v == 1:
		return []byte{amlOne}
	case v <= 0xff:
		return []byte{amlByte, byte(v)}
	case v <= 0xffff:
		return binary.LittleEndian.AppendUint16([]byte{amlWord}, uint16(v))
	case v <= 0xffffffff:
		return binary.LittleEndian.AppendUint32([]byte{amlDWord}, uint32(v))
	}
	return binary.LittleEndian.AppendUint64([]byte{amlQWord}, v)
}

// text encodes a string constant.
func text(s string) []byte { return append(append([]byte{amlString}, s...), 0) }

// eisaID encodes an identifier such as PNP0501: three letters in five bits each
// and four hexadecimal digits, in big-endian order.
func eisaID(id string) []byte {
	var letters, product uint32
	if _, err := fmt.Sscanf(id[3:], "%04X", &product); err != nil || len(id) != 7 {
		panic("acpi: bad EISA id " + id) // a constant of this package
	}
	for i := range 3 {
		letters = letters<<5 | uint32(id[i]-'A'+1)
	}
	v := letters<<16 | product
	return binary.BigEndian.AppendUint32([]byte{amlDWord}, v)
}

// path encodes a name of one segment, which has four characters. Names in this
// package are relative to their scope, so longer paths do not occur.
func path(p string) []byte {
	if len(p) != 4 {
		panic("acpi: bad name " + p) // a constant of this package
	}
	return []byte(p)
}

// withLength puts the package length in front of a body. The length counts its
// own bytes: six bits in one byte, or four bits and up to three bytes.
func withLength(body []byte) []byte {
	n := len(body)
	switch {
	case n+1 < 1<<6:
		return append([]byte{byte(n + 1)}, body...)
	case n+2 < 1<<12:
		n += 2
		return append([]byte{1<<6 | byte(n&0xf), byte(n >> 4)}, body...)
	case n+3 < 1<<20:
		n += 3
		return append([]byte{2<<6 | byte(n&0xf), byte(n >> 4), byte(n >> 12)}, body...)
	}
	n += 4
	return append([]byte{3<<6 | byte(n&0xf), byte(n >> 4), byte(n >> 12), byte(n >> 20)}, body...)
}

func concat(terms ...[]byte) []byte {
	var out []byte
	for _, t := range terms {
		out = append(out, t...)
	}
	return out
}

func name(p string, value []byte) []byte { return concat([]byte{amlName}, path(p), value) }

func scope(p string, terms ...[]byte) []byte {
	return append([]byte{amlScope}, withLength(concat(path(p), concat(terms...)))...)
}

func device(p string, terms ...[]byte) []byte {
	return append([]byte{amlExt, amlExtDevice}, withLength(concat(path(p), concat(terms...)))...)
}

// pkg encodes a package of constant elements.
func pkg(elements ...[]byte) []byte {
	return append([]byte{amlPackage}, withLength(concat([]byte{byte(len(elements))}, concat(elements...)))...)
}

func buffer(b []byte) []byte {
	return append([]byte{amlBuffer}, withLength(concat(integer(uint64(len(b))), b))...)
}

// method encodes a serialized control method with args arguments.
func method(p string, args byte, terms ...[]byte) []byte {
	const serialized = 1 << 3
	return append([]byte{amlMethod}, withLength(concat(path(p), []byte{args | serialized}, concat(terms...)))...)
}

// ifArg0 runs terms when the first argument equals v.
func ifArg0(v uint64, terms ...[]byte) []byte {
	return append([]byte{amlIf}, withLength(concat([]byte{amlLEqual, amlArg0}, integer(v), concat(terms...)))...)
}

func notify(object string, value uint64) []byte {
	return concat([]byte{amlNotify}, path(object), integer(value))
}
