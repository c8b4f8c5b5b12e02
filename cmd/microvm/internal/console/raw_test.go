package console

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"linuxkvm/cmd/microvm/internal/ptytest"
	"linuxkvm/confine"
)

// holdArg makes the test binary a program that holds its terminal in raw mode.
const holdArg = "hold-raw-mode"

// confinedEnd has it confined between the two.
const confinedEnd = "confined"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		var err error
		switch os.Args[1] {
		case GuardArg:
			err = GuardMain()
		case holdArg:
			err = hold(os.Args[2])
		default:
			os.Exit(m.Run())
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hold makes the terminal raw and ends in a given way when a key comes.
func hold(end string) error {
	raw, err := Prepare(os.Stdin)
	if err != nil {
		return err
	}
	if end == confinedEnd {
		// No process can be started from here on.
		if _, err := confine.Process(confine.Config{}); err != nil {
			return err
		}
	}
	if err := raw.Make(); err != nil {
		return err
	}
	fmt.Print("raw now")
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return err
	}
	switch end {
	case "panic in another goroutine":
		go panic("on purpose")
		select {}
	case "exit without a word":
		os.Exit(0)
	}
	if err := raw.Restore(); err != nil {
		return err
	}
	return raw.Restore()
}

func start(t *testing.T, p *ptytest.PTY, end string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], holdArg, end)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.TTY, p.TTY, p.TTY
	// The terminal is its controlling one, as under a shell.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	p.WaitFor(t, "raw now")
	return cmd
}

func TestTerminalIsRestored(t *testing.T) {
	for _, end := range []string{"restore", confinedEnd, "panic in another goroutine", "exit without a word"} {
		t.Run(end, func(t *testing.T) {
			p := ptytest.Open(t)
			before := p.Settings(t)
			cmd := start(t, p, end)
			p.WaitForRaw(t)
			p.Type(t, "k")
			if err := cmd.Wait(); err != nil && end != "panic in another goroutine" {
				t.Errorf("%v; the screen:\n%s", err, p.Screen())
			}
			if (end == "restore" || end == confinedEnd) && p.Settings(t) != before {
				t.Error("not restored when the process had ended")
			}
			p.WaitForSettings(t, before)
		})
	}
}

func TestTerminalIsRestoredAfterASignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSEGV, syscall.SIGQUIT} {
		t.Run(sig.String(), func(t *testing.T) {
			p := ptytest.Open(t)
			before := p.Settings(t)
			cmd := start(t, p, "")
			p.WaitForRaw(t)
			// As a shell or the kernel does: to the whole group.
			if err := syscall.Kill(-cmd.Process.Pid, sig); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			p.WaitForSettings(t, before)
		})
	}
}

func TestMakeRawRefusesAFile(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if IsTerminal(f) {
		t.Error("a file is taken for a terminal")
	}
	raw, err := MakeRaw(f)
	if err == nil {
		t.Error("no error")
	}
	if err := raw.Restore(); err != nil {
		t.Error(err)
	}
}
