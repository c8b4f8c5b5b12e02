package tinykernel

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// TripleFault is a key that the kernel obeys besides, on this architecture.
const TripleFault = "t"

const (
	loadAddr = 0x100000
	greeting = 0x100 // offset of the text
	noteAt   = 0xb0  // offset in the file
	codeAt   = 0x1000
)

// code polls the serial port at 3F8h.
var code = slices.Concat(
	[]byte{0x66, 0xba, 0xf9, 0x03},       //       mov dx, 3F9h, the interrupt enable register
	[]byte{0xb0, 0x01},                   //       mov al, receive: the port holds input back until then
	[]byte{0xee},                         //       out dx, al
	[]byte{0xbe, 0x00, 0x01, 0x10, 0x00}, //       mov esi, loadAddr+greeting
	[]byte{0xac},                         // 0c print: lodsb
	[]byte{0x84, 0xc0},                   //       test al, al
	[]byte{0x74, 0x07},                   //       jz poll
	[]byte{0x66, 0xba, 0xf8, 0x03},       //       mov dx, 3F8h
	[]byte{0xee},                         //       out dx, al
	[]byte{0xeb, 0xf4},                   //       jmp print
	[]byte{0x66, 0xba, 0xfd, 0x03},       // 18 poll: mov dx, 3FDh
	[]byte{0xec},                         //       in al, dx
	[]byte{0xa8, 0x01},                   //       test al, 1
	[]byte{0x74, 0xf7},                   //       jz poll
	[]byte{0x66, 0xba, 0xf8, 0x03},       //       mov dx, 3F8h
	[]byte{0xec},                         //       in al, dx
	[]byte{0x3c, Reset[0], 0x74, 0x0f},   //       cmp al, ...; je reset
	[]byte{0x3c, TripleFault[0], 0x74, 0x11},
	[]byte{0x3c, InternalError[0], 0x74, 0x0f},
	[]byte{0x3c, PowerOff[0], 0x74, 0x12},
	[]byte{0xee},                         //       out dx, al
	[]byte{0xeb, 0xdf},                   //       jmp poll
	[]byte{0xb0, 0xfe, 0xe6, 0x64},       // 39 reset: the keyboard controller's command
	[]byte{0xeb, 0xfe},                   //       jmp here
	[]byte{0x0f, 0x0b},                   // 3f triple: ud2, without an IDT
	[]byte{0xb8, 0x00, 0x00, 0x00, 0xd0}, // 48 internal: mov eax, D0000000h
	[]byte{0xff, 0xe0},                   //       jmp eax
	[]byte{0x66, 0xba, 0x00, 0x06},       // 48 off: mov dx, 600h, the ACPI sleep control register
	[]byte{0xb0, 0x34},                   //       mov al, sleep enable and the type of S5
	[]byte{0xee},                         //       out dx, al
	[]byte{0xeb, 0xfe},                   //       jmp here
)

// Image returns the kernel.
func Image() []byte {
	segment := make([]byte, greeting)
	copy(segment, code)
	return FromCode(append(segment, Greeting+"\x00"...))
}

// FromCode returns an ELF file with a PVH entry point: a kernel that is nothing
// but the given code, which is loaded at 1 MiB and entered at its first byte, in
// 32-bit protected mode with flat segments.
func FromCode(segment []byte) []byte {
	var b bytes.Buffer
	put := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // to memory: cannot fail
	size := uint64(len(segment))

	put([]byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	put([]uint16{2, 62})               // an executable for x86-64
	put(uint32(1))                     // version
	put([]uint64{loadAddr, 64, 0})     // entry, program headers, section headers
	put(uint32(0))                     // flags
	put([]uint16{64, 56, 2, 64, 0, 0}) // sizes and counts of headers
	put([]uint32{1, 5})                // a segment to load, readable and executable
	put([]uint64{codeAt, loadAddr, loadAddr, size, size, 0x1000})
	put([]uint32{4, 4}) // the notes
	put([]uint64{noteAt, 0, 0, 20, 20, 4})
	put([]uint32{4, 4, 18}) // PHYS32_ENTRY
	put([]byte("Xen\x00"))
	put(uint32(loadAddr))
	put(make([]byte, codeAt-b.Len()))
	put(segment)
	return b.Bytes()
}

// Code for FromCode.
var (
	// Off switches the machine off, Restart resets it.
	Off     = out(0x600, 1<<5|5<<2)
	Restart = out(0x602, 1)
	// Fail jumps to where there is no memory: KVM has nothing to execute.
	Fail = []byte{0xb8, 0x00, 0x00, 0x00, 0xd0, 0xff, 0xe0}
	// Spin never ends.
	Spin = []byte{0xeb, 0xfe}
)

// Say writes text to the console.
func Say(text string) []byte {
	var code []byte
	for i := range len(text) {
		code = append(code, out(0x3f8, text[i])...)
	}
	return code
}

// out writes a byte to a port: mov dx, port; mov al, v; out dx, al.
func out(port uint16, v byte) []byte {
	return []byte{0x66, 0xba, byte(port), byte(port >> 8), 0xb0, v, 0xee}
}
