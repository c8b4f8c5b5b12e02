package machine

import (
	"errors"
	"strings"
	"testing"

	"linuxkvm/internal/tinykernel"
)

// pcName is what a crash report calls the program counter, and systemName one of the
// system registers.
const pcName, systemName = "PC=", "SCAUSE="

// ownEndings are those that only this architecture has.
var ownEndings []ending

// ownLinuxEndings are ways to reboot that only this architecture has.
var ownLinuxEndings []linuxEnding

func TestCrashReportNamesTheFault(t *testing.T) {
	needKVM(t)
	_, err := runMachine(t, Config{Kernel: program(tinykernel.Fail), Memory: 16 << 20})
	crash := new(Crash)
	if !errors.As(err, &crash) {
		t.Fatalf("ended with %v, want a Crash", err)
	}
	if !strings.Contains(crash.Error(), "PC=0000000000001000") {
		t.Errorf("the report has no PC of 1000h:\n%v", crash)
	}
}

func TestDisassemble(t *testing.T) {
	lines := disassemble(tinykernel.Off, 0x80000000)
	if len(lines) == 0 || lines[0] != "0x80000000: li x10,0" {
		t.Errorf("%q", lines)
	}
	if last := lines[len(lines)-1]; !strings.Contains(last, "ecall") {
		t.Errorf("%q", lines)
	}
}
