package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"linuxkvm/internal/guest"
	"linuxkvm/internal/tinykernel"
	"linuxkvm/kvm"
)

// asCommand makes the test binary the command itself. So the tests need no
// compiler, and run the same in the rig.
const asCommand = "MICROVM_TEST_AS_COMMAND=1"

func TestMain(m *testing.M) {
	name, value, _ := strings.Cut(asCommand, "=")
	switch {
	case guest.IsInit():
		guestMain()
	case os.Getenv(name) == value && !isTestOfGuest():
		main()
	case os.Getenv(asMachine) != "":
		os.Exit(machineMain(os.Getenv(asMachine)))
	case len(os.Args) > 3 && os.Args[1] == shareArg:
		os.Exit(shareMain(os.Args[2:]))
	case len(os.Args) > 2 && os.Args[1] == toolArg:
		os.Exit(toolMain(os.Args[2:]))
	}
	os.Exit(runTests(m))
}

// runTests keeps the machines of the tests out of the user's own list.
func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "microvm-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = os.Setenv("XDG_RUNTIME_DIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// command is microvm with the given arguments. It is killed at the end of the
// test, or when it takes much too long.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Args[0] = "microvm"
	cmd.Env = append(os.Environ(), asCommand)
	return cmd
}

// outcome is how a process ended.
type outcome struct {
	status         int // 128+n for signal n
	stdout, stderr string
}

// patience is for a machine that does many other things as well; a boot of Linux
// in the rig takes half a minute on an idle one.
const patience = 4 * time.Minute

// finish runs a command to its end.
func finish(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	status := wait(t, cmd)
	return outcome{status, stdout.String(), stderr.String()}
}

// wait waits for a started command and returns its exit status.
func wait(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	if !timer.Stop() {
		t.Fatalf("%v did not end within %v", cmd.Args, patience)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

// transcript is what a running command writes.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write collects output; it makes a *transcript a command's Stdout.
func (r *transcript) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *transcript) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// waitFor waits until the command has written text.
func (r *transcript) waitFor(t *testing.T, text string) {
	t.Helper()
	for start := time.Now(); !strings.Contains(r.String(), text); time.Sleep(2 * time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatalf("waited %v for %q in:\n%s", patience, text, r.String())
		}
	}
}

// needKVM skips a test that runs a guest where there is no KVM.
func needKVM(t *testing.T) *kvm.System {
	t.Helper()
	sys, err := kvm.Open()
	if err != nil {
		if os.Getenv("KVM_TEST_REQUIRE") == "1" {
			t.Fatalf("KVM_TEST_REQUIRE=1, but this test needs a usable KVM: %v", err)
		}
		t.Skipf("needs a usable KVM (%v); make test-lanes runs this in the rig", err)
	}
	t.Cleanup(func() { sys.Close() })
	return sys
}

// file writes a file for the test and returns its path.
func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// tiny writes the tiny kernel to a file.
func tiny(t *testing.T) string {
	t.Helper()
	return file(t, "tiny.elf", tinykernel.Image())
}
