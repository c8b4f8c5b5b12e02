package tinykernel

import "slices"

// mark puts the magic number into a header.
func mark(header []byte) { copy(header[0x38:], "ARM\x64") }

// jumpOverHeader is b .+64.
const jumpOverHeader = 0x14000010

// kernel polls the PL011 at 9000000h.
var kernel = code(
	0xd2a12001, //           mov x1, #0x9000000
	0x52800200, //           mov w0, #0x10
	0xb9003820, //           str w0, [x1, #0x38], the interrupt mask: the port holds input back until then
	0x100005a2, //           adr x2, greeting
	0x38401440, // print:    ldrb w0, [x2], #1
	0x34000060, //           cbz w0, poll
	0xb9000020, //           str w0, [x1]
	0x17fffffd, //           b print
	0xb9401820, // poll:     ldr w0, [x1, #0x18], the flags
	0x3727ffe0, //           tbnz w0, #4, poll
	0xb9400020, //           ldr w0, [x1]
	0x12001c00, //           and w0, w0, #0xff
	0x7101c81f, //           cmp w0, Reset
	0x540000e0, //           b.eq reset
	0x7101a41f, //           cmp w0, InternalError
	0x54000120, //           b.eq internal
	0x7101c01f, //           cmp w0, PowerOff
	0x54000120, //           b.eq off
	0xb9000020, //           str w0, [x1]
	0x17fffff5, //           b poll
	0x52800120, // reset:    mov w0, #9
	0x72b08000, //           movk w0, #0x8400, lsl #16
	0xd4000002, //           hvc #0
	0x14000000, //           b .
	0xd2820001, // internal: mov x1, #0x1000
	0xa9400c22, //           ldp x2, x3, [x1]
	0x52800100, // off:      mov w0, #8
	0x72b08000, //           movk w0, #0x8400, lsl #16
	0xd4000002, //           hvc #0
	0x14000000, //           b .
)

// Code for FromCode.
var (
	// Off switches the machine off and Restart resets it: calls of PSCI.
	Off     = code(0x52800100, 0x72b08000, 0xd4000002)
	Restart = code(0x52800120, 0x72b08000, 0xd4000002)
	// Fail loads two registers from where there is nothing: of such an instruction
	// the processor does not tell KVM what it does.
	Fail = code(0xd2820001, 0xa9400c22)
	// Spin never ends.
	Spin = code(0x14000000)
)

// Say writes text to the console.
func Say(text string) []byte {
	said := code(0xd2a12001) // mov x1, #0x9000000
	for i := range len(text) {
		// mov w0, #character; str w0, [x1]
		said = slices.Concat(said, code(0x52800000|uint32(text[i])<<5, 0xb9000020))
	}
	return said
}
