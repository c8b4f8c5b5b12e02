package kvm

import (
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// guestBase is the guest-physical address where guests begin.
const guestBase = 0x1000

// On arm64 a program is done when it writes to where armDone does.
func isDone(e Exit) bool {
	x := e.MMIO()
	return x.Write && x.GPA == armEndAddr
}

const programExitReason = uapi.ExitMMIO

var (
	programLoop = program(armCode(branch(0)))
	programWait = program(armAgain(insnWFI))
	programExit = program(armCode(setX(0, 0x20000), store(1, 1, 0, 0), branch(-1)))
	programRead = program(armCode(movz(0, 2, 16), load(1, 1, 0, 0), armDone(), branch(-1)))

	programWriter = program(armAgain(
		movz(1, 1, 0), setX(0, 0x2000), store(1, 1, 0, 0),
		setX(0, 0x4000), store(1, 1, 0, 0x10),
		armDone()))
	programDevice = program(armAgain(
		setX(0, 0x20000), setX(1, 0x1234),
		store(1, 1, 0, 0x10), store(2, 1, 0, 0x20),
		armDone()))
	programScribbler = program(armAgain(
		setX(0, scribbledFrom), setX(1, 0x500),
		storePost(1, 0, 16), subImm(1, 1, 1), cbnz(1, -2)))
	programCounter = program(armCode(
		setX(0, counterAddr),
		load(4, 1, 0, 0), addImm(1, 1, 1), store(4, 1, 0, 0), branch(-3)))
)

func programPages(n uint32) program {
	return armAgain(
		setX(0, counterAddr), setX(1, uint64(n)),
		load(4, 2, 0, 0), addImm(2, 2, 1), store(4, 2, 0, 0), // next:
		addPage(0, 0), subImm(1, 1, 1), cbnz(1, -5),
		armDone())
}

// startProgram makes the vCPU run the program at EL1.
func startProgram(v *VCPU, r *memory.Region, p program) error { return startArm(v, r, p, armEL1) }

func startUserProgram(v *VCPU, r *memory.Region, p program) error { return startArm(v, r, p, armEL0) }

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
	x1, err := GetOneReg(v, uapi.RegArmCoreRegs1)
	if err != nil {
		return 0, 0, err
	}
	pc, err = GetOneReg(v, uapi.RegArmCorePC)
	return byte(x1), pc, err
}

// programReadEnd is where programRead is when it has read.
const programReadEnd = guestBase + 8

// readState reads what a caller asks a vCPU for most often.
func readState(v *VCPU) error {
	_, err := GetOneReg(v, uapi.RegArmCorePC)
	return err
}

// stateCalls are the calls for state that allocate nothing.
func stateCalls(testing.TB, *VCPU) map[string]func() error { return nil }
