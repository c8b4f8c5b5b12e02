//go:build arm64 || riscv64

package tinykernel

import (
	"encoding/binary"
	"slices"
)

const (
	headerSize = 64
	greeting   = 0x100 // offset of the text in the Image
	// imageSize is the memory that the header asks for.
	imageSize = 0x10000
)

// Image returns the kernel.
func Image() []byte {
	segment := make([]byte, greeting-headerSize)
	copy(segment, kernel)
	return FromCode(append(segment, Greeting+"\x00"...))
}

// FromCode returns an Image: a kernel that is nothing but the given code, behind a
// header whose first instruction jumps there. Translation is off.
func FromCode(segment []byte) []byte {
	header := make([]byte, headerSize)
	binary.LittleEndian.PutUint32(header, jumpOverHeader)
	binary.LittleEndian.PutUint64(header[16:], imageSize)
	mark(header)
	return slices.Concat(header, segment)
}

// code puts instructions into bytes.
func code(instructions ...uint32) []byte {
	var b []byte
	for _, i := range instructions {
		b = binary.LittleEndian.AppendUint32(b, i)
	}
	return b
}
