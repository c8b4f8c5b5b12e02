//go:build !kvmtrace

package sys

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func needSource(t *testing.T) {
	t.Helper()
	if os.Getenv("KVM_TEST_LANE") != "" {
		t.Skip("needs the go command and the source, which the rig has not: run it in the source tree")
	}
}

// Without its build tag nothing of the recorder is in the way of an ioctl: every
// call is of an empty function, and inlined.
func TestRecorderIsNothingWithoutItsTag(t *testing.T) {
	needSource(t)
	out, err := exec.Command("go", "build", "-gcflags=linuxkvm/...=-m", "linuxkvm/internal/sys", "linuxkvm/kvm").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for hook, calls := range map[string]int{"traceNumber": 2, "tracePointer": 1, "sys.TraceOnce": 1, "sys.TraceExit": 3} {
		n := 0
		for line := range strings.Lines(string(out)) {
			if strings.HasSuffix(line, "inlining call to "+hook+"\n") {
				n++
			}
		}
		if n < calls {
			t.Errorf("%s: %d calls are inlined, want %d", hook, n, calls)
		}
	}
	text, err := os.ReadFile("notrace_unsafe.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), ") {}\n"); n != 4 {
		t.Errorf("%d functions are empty, want 4", n)
	}
}

// The recorder's own tests need its tag.
func TestWithRecorder(t *testing.T) {
	needSource(t)
	if testing.Short() {
		t.Skip("it compiles: run without -short")
	}
	out, err := exec.Command("go", "test", "-tags=kvmtrace", "-count=1", "-v", "-run=^TestRecorder", ".").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestRecorderWrites") {
		t.Errorf("%v\n%s", err, out)
	}
}
