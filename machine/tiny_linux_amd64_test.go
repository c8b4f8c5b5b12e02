package machine

import (
	"errors"
	"strings"
	"testing"

	"linuxkvm/internal/tinykernel"
)

// pcName is what a crash report calls the program counter, and systemName the
// first of the system registers.
const pcName, systemName = "RIP=", "CR0="

// ownEndings are those that only this architecture has.
var ownEndings = []ending{
	// lidt of an empty table, then ud2.
	{"triple fault", program(tinykernel.Say("bye"), []byte{0x0f, 0x01, 0x1d, 0x00, 0x30, 0x00, 0x00, 0x0f, 0x0b}), TripleFault},
	{"keyboard controller reset", program(tinykernel.Say("bye"), []byte{0xb0, 0xfe, 0xe6, 0x64}), Reset}, // mov al, FEh; out 64h, al
}

// ownLinuxEndings are ways to reboot that only this architecture has.
var ownLinuxEndings = []linuxEnding{{"restart", "reboot=k", Reset}, {"restart", "reboot=t", TripleFault}}

func TestCrashReportDisassembles(t *testing.T) {
	needKVM(t)
	// KVM's emulator, which an access to where there is no memory needs, does not
	// know fldt [0xd0000000].
	kernel := program([]byte{0x90, 0xdb, 0x2d, 0x00, 0x00, 0x00, 0xd0, 0xf4})
	_, err := runMachine(t, Config{Kernel: kernel, Memory: 16 << 20})
	crash := new(Crash)
	if !errors.As(err, &crash) {
		t.Fatalf("ended with %v, want a Crash", err)
	}
	if len(crash.Assembly) == 0 || !strings.Contains(crash.Assembly[0], "fld") || !strings.Contains(crash.Assembly[0], "0x100001") {
		t.Errorf("the code at the fault is %q, want fldt at 0x100001 first\n%v", crash.Assembly, crash)
	}
	if !strings.Contains(crash.Cause, "emulate") {
		t.Errorf("the cause is %q, want a word of emulation", crash.Cause)
	}
}
