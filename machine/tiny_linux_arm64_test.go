package machine

import (
	"errors"
	"strings"
	"testing"

	"linuxkvm/internal/tinykernel"
)

// pcName is what a crash report calls the program counter, and systemName one of the
// system registers.
const pcName, systemName = "PC=", "SCTLR="

// ownEndings are those that only this architecture has.
var ownEndings []ending

// ownLinuxEndings are ways to reboot that only this architecture has.
var ownLinuxEndings []linuxEnding

func TestCrashReportDisassembles(t *testing.T) {
	needKVM(t)
	_, err := runMachine(t, Config{Kernel: program(tinykernel.Fail), Memory: 16 << 20})
	crash := new(Crash)
	if !errors.As(err, &crash) {
		t.Fatalf("ended with %v, want a Crash", err)
	}
	if len(crash.Assembly) == 0 || !strings.Contains(crash.Assembly[0], "ldp x2, x3, [x1]") || !strings.Contains(crash.Error(), "X1=0000000000001000") {
		t.Errorf("the code at the fault is %q, want ldp first\n%v", crash.Assembly, crash)
	}
}
