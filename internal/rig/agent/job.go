package agent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"linuxkvm/internal/rig/wire"
)

const (
	// dumpGrace is how long a job has after SIGQUIT, on which Go programs print
	// all their goroutines.
	dumpGrace = 5 * time.Second
	// pipeGrace is how long processes that a job left behind may hold its output.
	pipeGrace = 2 * time.Second
)

// job is one command.
type job struct {
	conn  *wire.Conn
	m     wire.JobMessage
	stdin chan []byte
	done  chan struct{}
	pty   atomic.Pointer[pty]
}

func newJob(conn *wire.Conn, m wire.JobMessage) *job {
	return &job{conn: conn, m: m, stdin: make(chan []byte, 64), done: make(chan struct{})}
}

// input queues bytes for the standard input; none end it. It blocks when the job
// does not read, which is the flow control.
func (j *job) input(b []byte) {
	select {
	case j.stdin <- b:
	case <-j.done:
	}
}

func (j *job) resize(s wire.SizeMessage) {
	if p := j.pty.Load(); p != nil {
		// A terminal with a wrong size still works.
		_ = p.resize(s.Rows, s.Cols)
	}
}

// run returns when the job has ended and its files are sent.
func (j *job) run() wire.ExitMessage {
	start := time.Now()
	exit := j.execute()
	exit.Seconds = time.Since(start).Seconds()
	close(j.done)
	exit.Leftover = killLeftovers()
	if err := sendFiles(j.conn, j.m.Collect); err != nil && exit.Error == "" {
		exit.Error = "collect files: " + err.Error()
	}
	return exit
}

func (j *job) execute() wire.ExitMessage {
	cmd, err := j.command()
	if err != nil {
		return wire.ExitMessage{Code: -1, Error: err.Error()}
	}
	var timedOut bool
	wait, err := j.start(cmd)
	if err != nil {
		return wire.ExitMessage{Code: -1, Error: err.Error()}
	}
	if j.m.TimeoutSeconds > 0 {
		stop := j.killAfter(cmd.Process.Pid)
		err = wait()
		timedOut = stop()
	} else {
		err = wait()
	}
	m := wire.ExitMessage{Code: cmd.ProcessState.ExitCode(), TimedOut: timedOut}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		m.Signal = int(status.Signal())
	}
	var exitErr *exec.ExitError
	if err != nil && !errors.As(err, &exitErr) && !errors.Is(err, exec.ErrWaitDelay) {
		m.Error = err.Error()
	}
	return m
}

func (j *job) command() (*exec.Cmd, error) {
	if len(j.m.Args) == 0 {
		return nil, errors.New("the job has no command")
	}
	path, err := lookPath(j.m.Args[0], j.m.Env)
	if err != nil {
		return nil, err
	}
	return &exec.Cmd{
		Path: path, Args: j.m.Args, Env: j.m.Env, Dir: j.m.Dir, WaitDelay: pipeGrace,
		// A session of its own: the timeout kills the whole group.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}, nil
}

// lookPath finds a program in the PATH of env.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	var dirs string
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, "PATH="); ok {
			dirs = value
		}
	}
	for _, dir := range filepath.SplitList(dirs) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("no program %s in PATH (%s)", name, dirs)
}

// start starts the command with a terminal or with pipes. The function it
// returns waits for the end of the command and of its output.
func (j *job) start(cmd *exec.Cmd) (wait func() error, err error) {
	if j.m.TTY {
		return j.startTTY(cmd)
	}
	cmd.Stdout, cmd.Stderr = j.conn.Writer(wire.Stdout), j.conn.Writer(wire.Stderr)
	var stdin io.WriteCloser
	if j.m.Stdin {
		if stdin, err = cmd.StdinPipe(); err != nil {
			return nil, err
		}
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if stdin != nil {
		go j.feed(stdin)
	}
	return cmd.Wait, nil
}

// feed writes the queued input until it ends, the job ends or stops reading.
func (j *job) feed(w io.WriteCloser) {
	defer w.Close()
	for {
		select {
		case b := <-j.stdin:
			if len(b) == 0 {
				return
			}
			if _, err := w.Write(b); err != nil {
				// Nobody reads any more; go on so that the host is not held up.
				w = discard{}
			}
		case <-j.done:
			return
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

// killAfter ends the process group at the time limit. The function it returns
// stops that and says whether it came to it.
func (j *job) killAfter(pid int) (stop func() bool) {
	limit := time.Duration(j.m.TimeoutSeconds * float64(time.Second))
	stopped, result := make(chan struct{}), make(chan bool)
	go func() {
		select {
		case <-time.After(limit):
		case <-stopped:
			result <- false
			return
		}
		fmt.Fprintf(j.conn.Writer(wire.Stderr), "rig: still running after %v: SIGQUIT, and SIGKILL %v later\n", limit, dumpGrace)
		// The group may be gone already, which is what is wanted.
		_ = unix.Kill(-pid, unix.SIGQUIT)
		select {
		case <-time.After(dumpGrace):
			_ = unix.Kill(-pid, unix.SIGKILL)
			<-stopped
		case <-stopped:
		}
		result <- true
	}()
	return func() bool {
		close(stopped)
		return <-result
	}
}

// selfPids are the two processes that are no leftovers.
func selfPids() map[int]bool { return map[int]bool{1: true, os.Getpid(): true} }
