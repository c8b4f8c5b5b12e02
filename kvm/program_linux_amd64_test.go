package kvm

import (
	"encoding/binary"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// On amd64 a program is done when it halts: there is no interrupt controller.
func isDone(e Exit) bool { return e.HLT() }

const programExitReason = uapi.ExitIO

var (
	programLoop = program{0xeb, 0xfe}             // jmp to it
	programWait = program{0xf4, 0xeb, 0xfd}       // hlt; jmp to it
	programExit = program{0xe6, 0x10, 0xeb, 0xfc} // out 0x10, al; jmp to it
	programRead = program{0xe4, 0x60, 0xf4}       // in al, 0x60; hlt

	programWriter = program{
		0xb0, 0x01, //       again: mov al, 1
		0xa2, 0x00, 0x20, // mov [0x2000], al
		0xa2, 0x10, 0x40, // mov [0x4010], al
		0xf4,       //       hlt
		0xeb, 0xf5, //       jmp again
	}
	programDevice = program{
		0xb8, 0x00, 0x20, // mov ax, 0x2000
		0x8e, 0xd8, //       mov ds, ax
		0xb8, 0x34, 0x12, // again: mov ax, 0x1234
		0xa2, 0x10, 0x00, // mov [0x10], al
		0xa3, 0x20, 0x00, // mov [0x20], ax
		0xf4,       //       hlt
		0xeb, 0xf4, //       jmp again
	}

	// In user mode, that is in 64-bit code.
	programScribbler = program{
		0xbf, 0x00, 0xb0, 0x00, 0x00, // again: mov edi, 0xb000
		0xb9, 0x00, 0x05, 0x00, 0x00, // mov ecx, 0x500
		0x48, 0x89, 0x0f, //             next: mov [rdi], rcx
		0x48, 0x83, 0xc7, 0x10, //       add rdi, 16
		0xff, 0xc9, //                   dec ecx
		0x75, 0xf5, //                   jnz next
		0xeb, 0xe9, //                   jmp again
	}
	programCounter = program{
		0xb8, 0x00, 0x00, 0x10, 0x00, // mov eax, 0x100000
		0xff, 0x00, //                   again: inc dword [rax]
		0xeb, 0xfc, //                   jmp again
	}
)

func programPages(n uint32) program {
	code := program{
		0xbf, 0x00, 0x00, 0x10, 0x00, // again: mov edi, counterAddr
		0xb9, 0, 0, 0, 0, //             mov ecx, n
		0xff, 0x07, //                   next: inc dword [rdi]
		0x81, 0xc7, 0x00, 0x10, 0, 0, // add edi, 0x1000
		0xff, 0xc9, //                   dec ecx
		0x75, 0xf4, //                   jnz next
		0xe6, 0x10, //                   out 0x10, al
		0xeb, 0xe6, //                   jmp again
	}
	binary.LittleEndian.PutUint32(code[6:], n)
	return code
}

// startProgram makes the vCPU run the program in real mode.
func startProgram(v *VCPU, r *memory.Region, p program) error {
	if _, err := r.WriteAt(p, guestBase); err != nil {
		return err
	}
	sregs, err := v.Sregs()
	if err != nil {
		return err
	}
	sregs.CS.Base, sregs.CS.Selector = 0, 0
	if err := v.SetSregs(&sregs); err != nil {
		return err
	}
	return v.SetRegs(&uapi.Regs{RIP: guestBase, RSP: guestBase, RFLAGS: 2})
}

// newWaiting is a vCPU that waits for an interrupt inside KVM_RUN.
func newWaiting(tb testing.TB) *VCPU {
	tb.Helper()
	vm := newTestVM(tb)
	must(tb, vm.CreateIRQChip())
	r := addMemory(tb, vm, 0, 0, 0, 0x10000)
	v := newTestVCPU(tb, vm)
	must(tb, startProgram(v, r, programWait))
	return v
}

// programAnswer answers the read of programRead, and programResult is what the
// guest got, and how far it went.
func programAnswer(e Exit, value byte) { e.IO().Data().SetUint64(uint64(value)) }

func programResult(v *VCPU) (value byte, pc uint64, err error) {
	regs, err := v.Regs()
	return byte(regs.RAX), regs.RIP, err
}

// programReadEnd is where programRead is when it has read.
const programReadEnd = guestBase + 2

// readState reads what a caller asks a vCPU for most often.
func readState(v *VCPU) error {
	_, err := v.Regs()
	return err
}

// stateCalls are the calls for state that allocate nothing.
func stateCalls(tb testing.TB, v *VCPU) map[string]func() error {
	tb.Helper()
	regs, err := v.Regs()
	must(tb, err)
	sregs, err := v.Sregs()
	must(tb, err)
	return map[string]func() error{
		"Regs":     func() error { regs, err = v.Regs(); return err },
		"SetRegs":  func() error { return v.SetRegs(&regs) },
		"Sregs":    func() error { sregs, err = v.Sregs(); return err },
		"SetSregs": func() error { return v.SetSregs(&sregs) },
	}
}
