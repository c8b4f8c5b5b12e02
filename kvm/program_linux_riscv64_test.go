package kvm

import (
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// On riscv64 a program is done when it writes to where riscvEnd does.
func isDone(e Exit) bool {
	x := e.MMIO()
	return x.Write && x.GPA == riscvEndAddr
}

const programExitReason = uapi.ExitMMIO

// riscvDone tells once that a program is done, and goes on.
func riscvDone() []uint32 { return riscvEnd()[:3] }

var (
	programLoop = program(riscvCode(insnJSelf))
	programWait = program(riscvCode(insnWFI, jump(-4)))
	programExit = program(riscvCode(setX(xA0, 0x20000), store(1, xA1, xA0, 0), jump(-4)))
	programRead = program(riscvCode(setX(xA0, 0x20000), load(1, xA1, xA0, 0), riscvEnd()))

	programWriter = program(riscvCode(
		setX(xA0, 0x2000), addi(xA1, xZero, 1), store(1, xA1, xA0, 0),
		setX(xA0, 0x4000), store(1, xA1, xA0, 0x10),
		riscvDone(), jump(-4*10)))
	programDevice = program(riscvCode(
		setX(xA0, 0x20000), setX(xA1, 0x1234),
		store(1, xA1, xA0, 0x10), store(2, xA1, xA0, 0x20),
		riscvDone(), jump(-4*5)))
	programScribbler = program(riscvCode(
		setX(xA0, scribbledFrom), setX(xA1, 0x500), // again:
		store(8, xA1, xA0, 0), addi(xA0, xA0, 16), addi(xA1, xA1, -1), bnez(xA1, -4*3),
		jump(-4*8)))
	programCounter = program(riscvCode(
		setX(xA0, counterAddr),
		load(4, xA1, xA0, 0), addi(xA1, xA1, 1), store(4, xA1, xA0, 0), jump(-4*3)))
)

func programPages(n uint32) program {
	return program(riscvCode(
		setX(xA0, counterAddr), setX(xA1, int32(n)), setX(xA2, 0x1000), // again:
		load(4, xA3, xA0, 0), addi(xA3, xA3, 1), store(4, xA3, xA0, 0), // next:
		add(xA0, xA0, xA2), addi(xA1, xA1, -1), bnez(xA1, -4*5),
		riscvDone(), jump(-4*15)))
}

// startProgram makes the vCPU run the program in supervisor mode, without
// translation of its own.
func startProgram(v *VCPU, r *memory.Region, p program) error {
	return startRISCV(v, r, p, uapi.RISCVModeS)
}

func startUserProgram(v *VCPU, r *memory.Region, p program) error {
	return startRISCV(v, r, p, uapi.RISCVModeU)
}

func startRISCV(v *VCPU, r *memory.Region, p program, mode uint64) error {
	if _, err := r.WriteAt(p, guestBase); err != nil {
		return err
	}
	if err := SetOneReg(v, uapi.RegRISCVCorePC, guestBase); err != nil {
		return err
	}
	return SetOneReg(v, uapi.RegRISCVCoreMode, mode)
}

// newWaiting is a vCPU that waits for an interrupt inside KVM_RUN.
func newWaiting(tb testing.TB) *VCPU {
	tb.Helper()
	_, v, _ := newProgram(tb, programWait)
	return v
}

// programAnswer answers the read of programRead, and programResult is what the
// guest got, and how far it went.
func programAnswer(e Exit, value byte) { e.MMIO().Data().SetUint64(uint64(value)) }

func programResult(v *VCPU) (value byte, pc uint64, err error) {
	a1, err := GetOneReg(v, uapi.RegRISCVCoreA1)
	if err != nil {
		return 0, 0, err
	}
	pc, err = GetOneReg(v, uapi.RegRISCVCorePC)
	return byte(a1), pc, err
}

// programReadEnd is where programRead is when it has read.
const programReadEnd = guestBase + 12

// readState reads what a caller asks a vCPU for most often.
func readState(v *VCPU) error {
	_, err := GetOneReg(v, uapi.RegRISCVCorePC)
	return err
}

// stateCalls are the calls for state that allocate nothing.
func stateCalls(testing.TB, *VCPU) map[string]func() error { return nil }
