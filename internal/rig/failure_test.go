package rig

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// wantFailure checks the type, the reason and the content of an error.
func wantFailure(t *testing.T, err error, reason Reason, words ...string) {
	t.Helper()
	var f *Failure
	if !errors.As(err, &f) {
		t.Fatalf("%v (%T), want a failure: %v", err, err, reason)
	}
	report := f.Report()
	if f.Reason != reason {
		t.Fatalf("reason %v, want %v:\n%s", f.Reason, reason, report)
	}
	for _, w := range words {
		if !strings.Contains(report, w) {
			t.Errorf("the report does not say %q:\n%s", w, report)
		}
	}
}

// TestLaneLost has jobs take the guest down in every way, one boot each, and as
// many at a time as there are processors.
func TestLaneLost(t *testing.T) {
	for _, c := range []struct {
		name, lane, act string
		reason          Reason
		words           []string
	}{
		{"panic", "amd64-6.1", "panic", KernelPanic, []string{"sysrq triggered crash", "end of the console", "victim panic"}},
		{"vanish", "amd64-newest", "poweroff", MissingResult, []string{"victim poweroff", "powered off"}},
		{"triple fault", "amd64-newest", "reboot", MissingResult, []string{"victim reboot", "reset by a triple fault"}},
		{"agent killed", "amd64-6.1", "killagent", MissingResult, []string{"killed by signal 9"}},
		{"freeze", "amd64-newest", "freeze", Hang, []string{"no result", "time limit of 1s"}},
		{"QEMU dies", "amd64-6.1", "sleep", QEMUDied, []string{"signal: killed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := lane(t, c.lane)
			need(t)
			t.Parallel()
			l.Modules = channelModules
			s, err := Boot(t.Context(), Options{
				Lane: l, MemoryMiB: 512, Files: []File{victimFile(t, l)}, HangGrace: time.Second, withoutKVM: true,
				KernelArgs: []string{"reboot=triple"},
				Fetch:      FetchOptions{Progress: progress{t}},
			})
			if err != nil {
				t.Fatal(err)
			}
			job := Job{Args: []string{"victim", c.act}}
			if c.reason == Hang {
				job.Timeout = time.Second
			}
			if c.reason == QEMUDied {
				time.AfterFunc(time.Second, func() {
					_ = unix.Kill(s.qemu.cmd.Process.Pid, unix.SIGKILL)
				})
			}
			_, err = s.Run(t.Context(), job)
			wantFailure(t, err, c.reason, c.words...)
			if _, again := s.Run(t.Context(), job); !errors.Is(again, err) {
				t.Errorf("Run of a lost session: %v, want the failure again", again)
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close of a lost session: %v", err)
			}
			wantGone(t, s)
		})
	}
}

func wantGone(t *testing.T, s *Session) {
	t.Helper()
	if err := unix.Kill(s.qemu.cmd.Process.Pid, 0); err != unix.ESRCH {
		t.Errorf("QEMU is still there: %v", err)
	}
}

// TestNoKVM boots a lane without the modules of KVM.
func TestNoKVM(t *testing.T) {
	l := lane(t, "amd64-6.1")
	need(t)
	t.Parallel()
	l.Modules = channelModules
	_, err := Boot(t.Context(), Options{Lane: l, MemoryMiB: 512, Fetch: FetchOptions{Progress: progress{t}}})
	wantFailure(t, err, NoKVM, "Linux 6.1", "came up without it")
}

// TestBootInterrupted ends boots before the guest is ready.
func TestBootInterrupted(t *testing.T) {
	l := lane(t, "amd64-6.1")
	need(t)
	t.Parallel()
	boot := func(ctx context.Context, o Options) error {
		o.Lane, o.Fetch.Progress = l, progress{t}
		s, err := Boot(ctx, o)
		if err == nil {
			s.Close()
		}
		return err
	}
	if _, err := l.Fetch(t.Context(), FetchOptions{Progress: progress{t}}); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, boot(t.Context(), Options{BootTimeout: 300 * time.Millisecond}), BootTimeout, "no answer within 300ms")
	wantFailure(t, boot(t.Context(), Options{Timeout: 300 * time.Millisecond}), LaneTimeout, "not done after 300ms")
	l.Machine = []string{"-machine", "nonesuch"}
	wantFailure(t, boot(t.Context(), Options{}), QEMUDied, "unsupported machine type")
	l.Machine = amd64Machine
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(500*time.Millisecond, cancel)
	const noProgram = "testdata/victim/main.go"
	wantFailure(t, boot(ctx, Options{Init: noProgram}), Canceled, "context canceled")
}

func TestNoQEMU(t *testing.T) {
	l := lane(t, "amd64-6.1")
	need(t)
	l.QEMUPackage = "qemu-system-nonesuch"
	_, err := Boot(t.Context(), Options{Lane: l})
	wantFailure(t, err, NoQEMU, "qemu-system-nonesuch")
}
