package main

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"linuxkvm/cmd/microvm/internal/ptytest"
	"linuxkvm/internal/tinykernel"
)

// onTerminal starts a command as a shell does, with the terminal as its own.
func onTerminal(t *testing.T, p *ptytest.PTY, args ...string) *exec.Cmd {
	t.Helper()
	cmd := command(t, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.TTY, p.TTY, p.TTY
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// terminalEnding is a way out of a guest that has the terminal.
type terminalEnding struct {
	name string
	keys string         // typed
	sig  syscall.Signal // or sent
	want status
}

// TestTerminalIsRestored takes every way out of a guest that has the terminal.
func TestTerminalIsRestored(t *testing.T) {
	needKVM(t)
	kernel := tiny(t)
	for _, c := range append([]terminalEnding{
		{"power-off", tinykernel.PowerOff, 0, statusOK},
		{"reset", tinykernel.Reset, 0, statusReset},
		{"internal error", tinykernel.InternalError, 0, statusInternalError},
		{"left", "\x01x", 0, statusLeft},
		{"SIGINT", "", syscall.SIGINT, statusSignal + status(syscall.SIGINT)},
		{"SIGTERM", "", syscall.SIGTERM, statusSignal + status(syscall.SIGTERM)},
		{"SIGHUP", "", syscall.SIGHUP, statusSignal + status(syscall.SIGHUP)},
	}, ownTerminalEndings...) {
		t.Run(c.name, func(t *testing.T) {
			p := ptytest.Open(t)
			before := p.Settings(t)
			cmd := onTerminal(t, p, "run", "--kernel", kernel, "--memory", "8M")
			p.WaitFor(t, "Ctrl-A x")
			p.WaitFor(t, strings.TrimSpace(tinykernel.Greeting))
			p.WaitForRaw(t)
			// Keys that mean something to a terminal in its ordinary mode.
			p.Type(t, "\x03\x1a\x04ok")
			p.WaitFor(t, "\x03\x1a\x04ok")
			p.Type(t, c.keys)
			if c.sig != 0 {
				if err := cmd.Process.Signal(c.sig); err != nil {
					t.Fatal(err)
				}
			}
			if got := wait(t, cmd); got != int(c.want) {
				t.Errorf("status %d, want %d; the screen:\n%s", got, c.want, p.Screen())
			}
			if p.Settings(t) != before {
				t.Error("the terminal was not restored when the command had ended")
			}
			if n := strings.Count(p.Screen(), "Ctrl-A x"); n != 1 {
				t.Errorf("the hint is there %d times", n)
			}
		})
	}
}

// TestTerminalIsRestoredAfterKill: the guard does what the command cannot.
func TestTerminalIsRestoredAfterKill(t *testing.T) {
	needKVM(t)
	p := ptytest.Open(t)
	before := p.Settings(t)
	cmd := onTerminal(t, p, "run", "--kernel", tiny(t), "--memory", "8M")
	p.WaitForRaw(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	wait(t, cmd)
	p.WaitForSettings(t, before)
}

// TestEscapeKeyReachesTheGuest: pressed twice, and with a key that is no command.
func TestEscapeKeyReachesTheGuest(t *testing.T) {
	needKVM(t)
	p := ptytest.Open(t)
	cmd := onTerminal(t, p, "run", "--kernel", tiny(t), "--memory", "8M")
	p.WaitForRaw(t)
	p.Type(t, "<\x01\x01>")
	p.WaitFor(t, "<\x01>")
	p.Type(t, "[\x01")
	p.WaitFor(t, "[")
	p.Type(t, "k]")
	p.WaitFor(t, "[\x01k]")
	p.Type(t, tinykernel.PowerOff)
	if got := wait(t, cmd); got != 0 {
		t.Errorf("status %d; the screen:\n%s", got, p.Screen())
	}
}

// TestTerminalAfterAStartError: what fails before the guest runs changes nothing.
func TestTerminalAfterAStartError(t *testing.T) {
	for name, args := range map[string][]string{
		"no such kernel": {"run", "--kernel", "/no/such/kernel"},
		"not a kernel":   {"run", "--kernel", file(t, "text", []byte("some text"))},
		"usage":          {"run", "--memory", "512X"},
	} {
		t.Run(name, func(t *testing.T) {
			p := ptytest.Open(t)
			before := p.Settings(t)
			cmd := onTerminal(t, p, args...)
			if got := wait(t, cmd); got != int(statusFailed) && got != int(statusUsage) {
				t.Errorf("status %d", got)
			}
			p.WaitFor(t, "microvm: ")
			if p.Settings(t) != before {
				t.Error("the terminal was not restored")
			}
			if strings.Contains(p.Screen(), "Ctrl-A") {
				t.Errorf("the hint, and then no guest:\n%s", p.Screen())
			}
		})
	}
}

// TestTerminalGoesAway: a hangup stops the guest.
func TestTerminalGoesAway(t *testing.T) {
	needKVM(t)
	p := ptytest.Open(t)
	cmd := onTerminal(t, p, "run", "--kernel", tiny(t), "--memory", "8M")
	p.WaitForRaw(t)
	p.Hangup()
	if got, want := wait(t, cmd), int(statusSignal)+int(unix.SIGHUP); got != want {
		t.Errorf("status %d, want %d", got, want)
	}
}
