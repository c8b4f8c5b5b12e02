package tinykernel

import (
	"encoding/binary"
	"slices"
)

// mark puts the version and the magic numbers into a header.
func mark(header []byte) {
	binary.LittleEndian.PutUint32(header[32:], 2)
	copy(header[0x30:], "RISCV\x00\x00\x00RSC\x05")
}

// jumpOverHeader is j .+64.
const jumpOverHeader = 0x0400006f

// kernel polls the 16550 at 10000000h.
var kernel = code(
	0x100004b7, //           lui s1, 0x10000
	0x00100293, //           li t0, 1
	0x005480a3, //           sb t0, 1(s1), the interrupt enable register: the port holds input back until then
	0x00000917, //           auipc s2, 0
	0x0b490913, //           addi s2, s2, 180, the greeting
	0x00094283, // print:    lbu t0, 0(s2)
	0x00190913, //           addi s2, s2, 1
	0x00028663, //           beqz t0, poll
	0x00548023, //           sb t0, 0(s1)
	0xff1ff06f, //           j print
	0x0054c283, // poll:     lbu t0, 5(s1), the line status
	0x0012f293, //           andi t0, t0, 1
	0xfe028ce3, //           beqz t0, poll
	0x0004c283, //           lbu t0, 0(s1)
	0x07200313, //           li t1, Reset
	0x02628263, //           beq t0, t1, reset
	0x06900313, //           li t1, InternalError
	0x00628a63, //           beq t0, t1, internal
	0x07000313, //           li t1, PowerOff
	0x00628e63, //           beq t0, t1, off
	0x00548023, //           sb t0, 0(s1)
	0xfd5ff06f, //           j poll
	0x00001337, // internal: lui t1, 1
	0x00030067, //           jr t1
	0x00100513, // reset:    li a0, 1
	0x0080006f, //           j call
	0x00000513, // off:      li a0, 0
	0x00000593, // call:     li a1, 0
	0x00000813, //           li a6, 0
	0x535258b7, //           lui a7, 0x53525
	0x3548889b, //           addiw a7, a7, 0x354
	0x00000073, //           ecall
	0x0000006f, //           j .
)

// Code for FromCode.
var (
	// Off switches the machine off and Restart resets it: calls of the SBI.
	Off     = slices.Concat(code(0x00000513), systemReset)
	Restart = slices.Concat(code(0x00100513), systemReset)
	// Fail jumps to where there is no memory: KVM has nothing to execute.
	Fail = code(0x00001337, 0x00030067)
	// Spin never ends.
	Spin = code(0x0000006f)
)

var systemReset = code(0x00000593, 0x00000813, 0x535258b7, 0x3548889b, 0x00000073)

// Say writes text to the console.
func Say(text string) []byte {
	said := code(0x100004b7) // lui s1, 0x10000
	for i := range len(text) {
		// li t0, character; sb t0, 0(s1)
		said = slices.Concat(said, code(0x00000293|uint32(text[i])<<20, 0x00548023))
	}
	return said
}
