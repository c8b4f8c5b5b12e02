package initramfs

import (
	"os/exec"
	"strings"
	"testing"
)

// A program that the guest could not run is refused, with the remedy.
func TestProgramMustBeStatic(t *testing.T) {
	dynamic, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs a dynamically linked program: a shell")
	}
	for program, words := range map[string]string{
		dynamic:          "CGO_ENABLED=0",
		"/etc/hostname":  "no program",
		"/no/such/thing": "no such file",
	} {
		a := Archive{Program: program}
		f, err := a.Build()
		if err == nil {
			_ = f.Close()
		}
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %q", program, err, words)
		}
	}
}
