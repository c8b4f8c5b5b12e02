package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"linuxkvm/internal/tinykernel"
)

// pipeEnding is what the tiny kernel is told, and what comes of it.
type pipeEnding struct {
	name, in string
	want     status
	stderr   []string // what it says; nothing when empty
}

// TestStatusTellsTheEnding drives the tiny kernel through a pipe.
func TestStatusTellsTheEnding(t *testing.T) {
	needKVM(t)
	kernel := tiny(t)
	for _, c := range append([]pipeEnding{
		{"power-off", "hello" + tinykernel.PowerOff, statusOK, nil},
		{"reset", "hello" + tinykernel.Reset, statusReset, []string{"reset"}},
		{"internal error", "hello" + tinykernel.InternalError, statusInternalError, []string{pcName}},
		// Nothing is interpreted without a terminal.
		{"escape in a pipe", "hello\x01x" + tinykernel.PowerOff, statusOK, nil},
	}, ownPipeEndings...) {
		t.Run(c.name, func(t *testing.T) {
			cmd := command(t, "run", "--kernel", kernel, "--memory", "8M")
			cmd.Stdin = strings.NewReader(c.in)
			got := finish(t, cmd)
			if got.status != int(c.want) {
				t.Errorf("status %d, want %d; stderr:\n%s", got.status, c.want, got.stderr)
			}
			echo := tinykernel.Greeting + c.in[:len(c.in)-1]
			if got.stdout != echo {
				t.Errorf("console %q, want %q", got.stdout, echo)
			}
			for _, want := range c.stderr {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("stderr does not say %q:\n%s", want, got.stderr)
				}
			}
			if len(c.stderr) == 0 && withoutWarning(got.stderr) != "" {
				t.Errorf("stderr: %q", got.stderr)
			}
		})
	}
}

// withoutWarning removes what is said about a host that emulates kernel mode.
func withoutWarning(stderr string) string {
	var kept []string
	for line := range strings.Lines(stderr) {
		if !strings.Contains(line, "kernel mode is emulated") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// TestEndOfInputDoesNotEndTheGuest: the guest goes on, and a signal stops it.
func TestEndOfInputDoesNotEndTheGuest(t *testing.T) {
	needKVM(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			cmd := command(t, "run", "--kernel", tiny(t), "--memory", "8M")
			cmd.Stdin = strings.NewReader("x")
			var out transcript
			cmd.Stdout = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			out.waitFor(t, tinykernel.Greeting+"x")
			// The input has ended by now, or does in this time.
			time.Sleep(50 * time.Millisecond)
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if got, want := wait(t, cmd), 128+int(sig); got != want {
				t.Errorf("status %d, want %d", got, want)
			}
		})
	}
}

// TestNobodyReads: a console that goes to a closed pipe stops the machine.
func TestNobodyReads(t *testing.T) {
	needKVM(t)
	cmd := command(t, "run", "--kernel", tiny(t), "--memory", "8M")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.Close()
	// Every character is echoed into the broken pipe.
	if _, err := in.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	if got, want := wait(t, cmd), 128+int(syscall.SIGPIPE); got != want {
		t.Errorf("status %d, want %d", got, want)
	}
}
