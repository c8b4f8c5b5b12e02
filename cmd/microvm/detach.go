package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"linuxkvm/cmd/microvm/internal/logfile"
)

// A program in Go cannot fork. To go on in the background it starts itself a second time,
// with the same arguments, and that process does everything: it has the standard error of
// the one in the foreground, its errors and its exit status, until the guest runs. Then
// it says the machine's id through a pipe, and the one in the foreground ends. From there
// on it writes to its log.

// detachedVariable tells a process that it is the one in the background: its value is the
// number of the pipe, as others too may leave it a pipe of that descriptor.
const detachedVariable = "MICROVM_DETACHED"

// foregroundPipe is its descriptor of the pipe to the one in the foreground.
const foregroundPipe = 3

// background is what the process in the background needs to be it.
type background struct{ foreground *os.File }

// inBackground is nil in the process that was started by hand.
func inBackground() (*background, error) {
	number := os.Getenv(detachedVariable)
	if number == "" {
		return nil, nil
	}
	if err := os.Unsetenv(detachedVariable); err != nil {
		return nil, err
	}
	if got, err := pipeNumber(foregroundPipe); err != nil || got != number {
		return nil, fmt.Errorf("the variable %s is for microvm itself: unset it", detachedVariable)
	}
	unix.CloseOnExec(foregroundPipe)
	return &background{os.NewFile(foregroundPipe, "foreground")}, nil
}

// pipeNumber is the same for both ends of a pipe, and another for other pipes.
func pipeNumber(fd int) (string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", os.NewSyscallError("fstat", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return "", errors.New("not a pipe")
	}
	return strconv.FormatUint(st.Ino, 10), nil
}

// checkDetach refuses what the background has not.
func (f *runFlags) checkDetach() error {
	if !f.detach {
		return nil
	}
	var given []string
	if f.command.interactive {
		given = append(given, "--interactive (-i)")
	}
	if f.command.terminal {
		given = append(given, "--tty (-t)")
	}
	if len(given) > 0 {
		return fmt.Errorf("--detach (-d) and %s: in the background there is nobody to type; leave one out, and use 'microvm exec -it' for a shell in the guest", strings.Join(given, " and "))
	}
	return nil
}

// startDetached starts the process in the background, and ends as it does, or when it
// runs a guest, of which it prints the id.
func (f *runFlags) startDetached(s streams) error {
	r, w, err := os.Pipe()
	if err != nil {
		return f.failed(err)
	}
	defer r.Close()
	number, err := pipeNumber(int(r.Fd()))
	if err != nil {
		return f.failed(errors.Join(err, w.Close()))
	}
	// What this process has by inheritance, such as a shell's locks, is not for one
	// that stays. A kernel before Linux 5.11 cannot do it at once.
	_ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: os.Args, Env: append(os.Environ(), detachedVariable+"="+number),
		Stderr: s.err, ExtraFiles: []*os.File{w},
		// A session of its own: what a terminal sends at its end is not for it.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	err = cmd.Start()
	_ = w.Close() // that process has its own
	if err != nil {
		return f.failed(fmt.Errorf("start the process in the background: %w", err))
	}
	done := make(chan struct{})
	defer close(done)
	go passSignals(cmd.Process, signals, done)
	id, err := io.ReadAll(r) // up to the other's closing it, or its end
	if err != nil || len(id) == 0 {
		return f.detachedEnd(cmd)
	}
	if _, err := s.out.Write(id); err != nil {
		return f.failed(err)
	}
	return nil
}

// failed is microvm's own failure, which for a command has another status.
func (f *runFlags) failed(err error) error {
	if f.hasCommand() {
		return notRun(err)
	}
	return failed(err)
}

// passSignals passes on what is meant for the start.
func passSignals(p *os.Process, signals <-chan os.Signal, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case sig := <-signals:
			_ = p.Signal(sig) // one that has ended does not mind
		}
	}
}

// detachedEnd is the end of a process in the background that did not get so far. It has
// said why.
func (f *runFlags) detachedEnd(cmd *exec.Cmd) error {
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return f.failed(errors.Join(errors.New("the process in the background ended before the guest ran"), err))
	}
	if ws := exit.Sys().(syscall.WaitStatus); ws.Signaled() {
		return ended(statusSignal + status(ws.Signal()))
	}
	return ended(status(exit.ExitCode()))
}

// outputs are where the guest, or its command, writes to.
func (f *runFlags) outputs(s streams) streams {
	if f.background != nil {
		log := logfile.NewWriter(f.named.instance.Log)
		s.out, s.err = log, log
	}
	return s
}

// started tells the process in the foreground that the guest runs. What this process
// will write is for the log.
func (f *runFlags) started() error {
	// What was needed to start, kernel and modules among it, would be kept for a heap that
	// never grows to that again.
	go debug.FreeOSMemory()
	b := f.background
	if b == nil {
		return nil
	}
	for _, fd := range []int{unix.Stdout, unix.Stderr} {
		if err := unix.Dup3(int(f.named.instance.Log.Fd()), fd, 0); err != nil {
			return os.NewSyscallError("dup3", err)
		}
	}
	_, err := fmt.Fprintln(b.foreground, f.named.instance.ID())
	return errors.Join(err, b.foreground.Close())
}
