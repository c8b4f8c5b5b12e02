package kvm

import (
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// On ppc64le a program is done when it makes the hypercall guestDone.
func isDone(e Exit) bool { return e.PAPRHcall().Nr == guestDone }

const programExitReason = uapi.ExitPAPRHcall

var (
	programLoop = ppcCode(
		0x48000000, // b .
	)
	programWait = ppcCode(
		0x386000e0, // again: li r3, 0xe0: H_CEDE
		0x44000022, // sc 1
		0x4bfffff8, // b again
	)
	programExit = ppcCode(
		0x386007f0, // again: li r3, guestDone
		0x44000022, // sc 1
		0x4bfffff8, // b again
	)
	programRead = ppcCode(
		0x3c800002, // lis r4, 2: 0x20000
		0x88c40000, // lbz r6, 0(r4)
		0x386007f0, // li r3, guestDone
		0x44000022, // sc 1
	)
	programWriter = ppcCode(
		0x38a00001, // again: li r5, 1
		0x98a02000, // stb r5, 0x2000(0)
		0x98a04010, // stb r5, 0x4010(0)
		0x386007f0, // li r3, guestDone
		0x44000022, // sc 1
		0x4bffffec, // b again
	)
	programDevice = ppcCode(
		0x3c800002, // lis r4, 2: 0x20000
		0x38a01234, // again: li r5, 0x1234
		0x98a40010, // stb r5, 0x10(r4)
		0xb0a40020, // sth r5, 0x20(r4)
		0x386007f0, // li r3, guestDone
		0x44000022, // sc 1
		0x4bffffec, // b again
	)
	programScribbler = ppcCode(
		0x38800000, // again: li r4, 0
		0x6084b000, // ori r4, r4, 0xb000
		0x38a00500, // li r5, 0x500
		0xf8a40000, // next: std r5, 0(r4)
		0x38840010, // addi r4, r4, 16
		0x38a5ffff, // addi r5, r5, -1
		0x2c250000, // cmpdi r5, 0
		0x4082fff0, // bne next
		0x4bffffe0, // b again
	)
	programCounter = ppcCode(
		0x3c800010, // lis r4, 0x10: counterAddr
		0x80a40000, // again: lwz r5, 0(r4)
		0x38a50001, // addi r5, r5, 1
		0x90a40000, // stw r5, 0(r4)
		0x4bfffff4, // b again
	)

	// ppcDecrementer is the handler of the timer, which winds it up again. A guest
	// that waits has it fire.
	ppcDecrementer = ppcCode(
		0x3ca07fff, // lis r5, 0x7fff
		0x7cb603a6, // mtdec r5
		0x4c000024, // rfid
	)
)

const (
	ppcDecrementerAt = 0x900

	// lpcrILE has interrupts come in little-endian mode.
	lpcrILE = 1 << 25
)

// startProgram makes the vCPU run the program in real mode. Its hypercalls are those
// of PAPR: KVM knows no other guests on hosts of this kind.
func startProgram(v *VCPU, r *memory.Region, p program) error {
	if _, err := r.WriteAt(p, guestBase); err != nil {
		return err
	}
	if _, err := r.WriteAt(ppcDecrementer, ppcDecrementerAt); err != nil {
		return err
	}
	if err := v.EnablePAPR(); err != nil {
		return err
	}
	lpcr, err := GetOneReg(v, uapi.RegPPCLpcr64)
	if err != nil {
		return err
	}
	if err := SetOneReg(v, uapi.RegPPCLpcr64, lpcr|lpcrILE); err != nil {
		return err
	}
	return v.SetRegs(&uapi.Regs{PC: guestBase, MSR: msrSF | msrME | msrLE})
}

// startUserProgram is the same: user mode would need page tables, and the
// privileged one is as native.
func startUserProgram(v *VCPU, r *memory.Region, p program) error { return startProgram(v, r, p) }

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
	regs, err := v.Regs()
	return byte(regs.GPR[6]), regs.PC, err
}

// programReadEnd is where programRead is when it has read.
const programReadEnd = guestBase + 8

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
