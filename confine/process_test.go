package confine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func init() {
	children["threads"] = threadsChild
	children["foreign"] = foreignChild
}

// TestEveryThreadIsConfined looks at what the kernel says of each.
func TestEveryThreadIsConfined(t *testing.T) {
	need(t)
	works(t, "threads", newScene(t))
}

func threadsChild(scene) error {
	for range 20 {
		newThread()
	}
	// Afterwards these files could not be opened.
	names, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(names) < 20 {
		return fmt.Errorf("%d threads, %w", len(names), err)
	}
	var files []*os.File
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	if _, err := Process(Config{Require: true}); err != nil {
		return err
	}
	for i, f := range files {
		text, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		for _, want := range []string{"\nNoNewPrivs:\t1\n", "\nSeccomp:\t2\n"} {
			if !strings.Contains(string(text), want) {
				return fmt.Errorf("%s has no %q:\n%s", names[i], want, text)
			}
		}
	}
	return nil
}

// TestOtherABIEndsTheProcess where there are calls of another one.
func TestOtherABIEndsTheProcess(t *testing.T) {
	need(t)
	if otherABI == 0 {
		t.Skip("this architecture has none that a program can reach without instructions of its own: amd64 has")
	}
	out, err := child(t, "foreign", newScene(t)).CombinedOutput()
	exit := new(exec.ExitError)
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGSYS {
		t.Errorf("ended with %v, want SIGSYS; it said:\n%s", err, out)
	}
}

func foreignChild(scene) error {
	if _, err := Process(Config{Require: true}); err != nil {
		return err
	}
	if err := call(lastCall + 1); !errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("a call that is newer than this package: %w", err)
	}
	return call(otherABI + unix.SYS_GETPID)
}

// TestProcessRefusesWhatMakesNoSense: in this process, which is not confined by it.
func TestProcessRefusesWhatMakesNoSense(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		want   string
	}{
		{"an empty path", Config{ReadOnly: []string{""}}, `ReadOnly: an empty path`},
		{"no such file", Config{ReadWrite: []string{"/no/such/file"}}, "ReadWrite: stat /no/such/file"},
		{"no such network", Config{Network: 7}, "Network 7"},
		{"all ioctls", Config{Calls: []uint32{unix.SYS_IOCTL}}, "not ioctl"},
		{"no such call", Config{Calls: []uint32{1 << 20}}, "Calls: 1048576"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Process(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want one with %q", err, c.want)
			}
		})
	}
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(status), "\nNoNewPrivs:\t0\n") {
		t.Errorf("this process has changed:\n%s", status)
	}
}

func TestAvailable(t *testing.T) {
	m := Available()
	for _, err := range m.Lacks() {
		if !errors.Is(err, ErrNotSupported) {
			t.Errorf("%v does not wrap ErrNotSupported", err)
		}
	}
	if missing := len(m.Lacks()); (missing == 0) != (m.Landlock >= minLandlock && m.Seccomp) {
		t.Errorf("%+v lacks %d", m, missing)
	}
}
