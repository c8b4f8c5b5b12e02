package kvm

import (
	"runtime"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// A program is code for guests of tests that are about every architecture. Each has
// its own in program_linux_GOARCH_test.go:
//
//	programLoop       jumps to itself
//	programWait       waits for an interrupt, again and again
//	programExit       leaves the guest with programExitReason, again and again
//	programWriter     writes to pages 2 and 4 and is done, again and again
//	programDevice     writes deviceWrites and is done, again and again
//	programRead       reads a byte from a device, which programAnswer answers and
//	                  programResult tells, and is done
//	programScribbler  writes to all from scribbledFrom to scribbledTo without end
//	programCounter    counts in 32 bits at counterAddr without end
//	programPages      counts in n pages from counterAddr on and leaves the guest
//	                  with programExitReason, again and again
//
// They run from guestBase on with 64 KiB of RAM at 0; behind it are devices. What
// they do to tell that they are done is the architecture's: isDone knows.
type program []byte

const (
	scribbledFrom, scribbledTo = 0xb000, 0xb000 + 0x500*16

	counterAddr = 0x100000
)

// needPrograms skips a test where the architecture has none yet.
func needPrograms(tb testing.TB) {
	tb.Helper()
	if len(programLoop) == 0 {
		tb.Skipf("needs guests for %s: write program_linux_%s_test.go", runtime.GOARCH, runtime.GOARCH)
	}
}

// newProgram is a VM with one vCPU in the privileged mode of its architecture.
func newProgram(tb testing.TB, p program) (*VM, *VCPU, *memory.Region) {
	tb.Helper()
	needPrograms(tb)
	vm := newTestVM(tb)
	r := addMemory(tb, vm, 0, 0, 0, 0x10000)
	v := newTestVCPU(tb, vm)
	must(tb, startProgram(v, r, p))
	return vm, v, r
}

// newUserProgram is the same in user mode, which every host runs natively.
func newUserProgram(tb testing.TB, p program) (*VM, *VCPU, *memory.Region) {
	tb.Helper()
	needPrograms(tb)
	vm := newTestVM(tb)
	r := addMemory(tb, vm, 0, 0, 0, 0x10000)
	v := newTestVCPU(tb, vm)
	must(tb, startUserProgram(v, r, p))
	return vm, v, r
}

// startProgramAt is startProgram where the RAM is 64 KiB inside of a region.
func startProgramAt(tb testing.TB, v *VCPU, r *memory.Region, offset int64, p program) {
	tb.Helper()
	ram, err := memory.New(0x10000)
	must(tb, err)
	defer ram.Close()
	must(tb, startProgram(v, ram, p))
	content := make([]byte, ram.Size())
	_, err = ram.ReadAt(content, 0)
	must(tb, err)
	_, err = r.WriteAt(content, offset)
	must(tb, err)
}

// runDone runs the vCPU until its program is done.
func runDone(tb testing.TB, v *VCPU) {
	tb.Helper()
	if exit := runOn(tb, v); !isDone(exit) {
		tb.Fatalf("exit reason %v, want that the guest is done", exit.Reason())
	}
}

// runTo runs the vCPU to an exit with the given reason.
func runTo(tb testing.TB, v *VCPU, want uapi.ExitReason) Exit {
	tb.Helper()
	exit := runOn(tb, v)
	if exit.Reason() != want {
		tb.Fatalf("exit reason %v, want %v", exit.Reason(), want)
	}
	return exit
}

// runOn runs the vCPU to the next exit that is no interruption.
func runOn(tb testing.TB, v *VCPU) Exit {
	tb.Helper()
	exit, err := runFor(v, runLimit)
	if err != nil {
		tb.Fatalf("Run: %v", err)
	}
	return exit
}
