package agent

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"linuxkvm/internal/agent/wire"
)

// Cmd is a command in a guest. It follows os/exec: set the fields, then Run, or
// Start and Wait. It is used once.
type Cmd struct {
	// Path is the command, looked for in the guest's PATH if it has no slash; Args
	// are its arguments, with its name as the first.
	Path string
	Args []string
	// Env is the environment; empty is the guest's own.
	Env []string
	// Dir is the working directory; empty is the root.
	Dir string
	// User is whom the command runs as: a name that the guest knows or a number,
	// with :GROUP or without; empty is root.
	User string
	// Stdin, Stdout and Stderr are the standard streams; nil is /dev/null. Stdout
	// and Stderr may be the same writer, which is then not called concurrently.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminal, if set, has the command run on a terminal of that size: Stdin and
	// Stdout are its two directions, and Stderr is not used.
	Terminal *Size
	// Cancel is called when the context ends, instead of killing the command.
	Cancel func() error

	client *Client
	ctx    context.Context

	mu      sync.Mutex
	control net.Conn
	started bool
	pid     int
	streams [3]net.Conn
	output  sync.WaitGroup
	copyErr error
	running chan struct{} // closed when the guest has started it
	exited  chan struct{} // closed when exit or err is there
	exit    *wire.Exit
	err     error
	stop    func() bool
	closers []io.Closer // ends of pipes, closed by Wait
}

// Size is that of a terminal, in characters.
type Size = wire.Size

// ErrGone is wrapped where the guest ended, or its agent, before it said how a
// command did.
var ErrGone = errors.New("the guest's agent ended the connection")

var (
	errStarted    = errors.New("agent: command already started")
	errNotStarted = errors.New("agent: command not started")
)

// Command returns a command in the guest. When ctx ends the command is killed.
func (c *Client) Command(ctx context.Context, name string, args ...string) *Cmd {
	return &Cmd{
		Path: name, Args: append([]string{name}, args...), client: c, ctx: ctx,
		running: make(chan struct{}), exited: make(chan struct{}),
	}
}

// Start starts the command and returns when it runs.
func (c *Cmd) Start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started {
		return errStarted
	}
	c.started = true
	if err := c.connect(); err != nil {
		c.disconnect()
		return fmt.Errorf("%s: %w", c.Path, errors.Join(c.ctx.Err(), err))
	}
	c.stop = context.AfterFunc(c.ctx, c.cancel)
	close(c.running)
	c.copy()
	go c.await()
	return nil
}

// connect makes the connections and waits for the start.
func (c *Cmd) connect() error {
	token := rand.Text()
	e := &wire.Exec{Path: c.Path, Args: c.Args, Env: c.Env, Dir: c.Dir, User: c.User, Terminal: c.Terminal != nil, Size: c.Terminal}
	if len(e.Args) == 0 {
		e.Args = []string{c.Path}
	}
	e.Streams = [3]bool{c.Stdin != nil, c.Stdout != nil, c.Stderr != nil}
	need := e.Streams
	if e.Terminal {
		need = [3]bool{true}
	}
	var err error
	if c.control, err = c.client.open(c.ctx, wire.Hello{Op: wire.OpExec, Token: token, Exec: e}); err != nil {
		return err
	}
	for i, wanted := range need {
		if !wanted {
			continue
		}
		if c.streams[i], err = c.client.open(c.ctx, wire.Hello{Op: wire.OpStream, Token: token, Stream: i}); err != nil {
			return err
		}
	}
	defer context.AfterFunc(c.ctx, func() { _ = c.control.Close() })()
	var r wire.Reply
	if err := wire.Receive(c.control, &r); err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	c.pid = r.Started
	return remoteError(r)
}

// disconnect ends the connections.
func (c *Cmd) disconnect() {
	if c.control != nil {
		_ = c.control.Close()
	}
	for _, conn := range c.streams {
		if conn != nil {
			_ = conn.Close()
		}
	}
	for _, p := range c.closers {
		_ = p.Close()
	}
}

// await waits for the end of the command.
func (c *Cmd) await() {
	defer close(c.exited)
	var r wire.Reply
	if err := wire.Receive(c.control, &r); err != nil {
		c.err = fmt.Errorf("%s: %w: %w", c.Path, ErrGone, err)
		return
	}
	if c.exit, c.err = r.Exit, remoteError(r); c.exit == nil && c.err == nil {
		c.err = fmt.Errorf("%s: the guest's agent did not say how it ended", c.Path)
	}
}

// cancel is what the end of the context does.
func (c *Cmd) cancel() {
	if c.Cancel != nil {
		_ = c.Cancel() // Wait tells of the context's end
		return
	}
	// The guest kills what nobody controls.
	_ = c.control.Close()
}

// Wait waits for the end of the command and of its output. The error is nil if its
// status was 0, an *ExitError if it ended otherwise.
func (c *Cmd) Wait() error {
	if !c.isStarted() {
		return errNotStarted
	}
	<-c.exited
	if c.err == nil {
		c.output.Wait()
	}
	c.stop()
	c.disconnect()
	c.output.Wait()
	if err := c.ctx.Err(); err != nil && (c.err != nil || c.exit.Code != 0) {
		return fmt.Errorf("%s: %w", c.Path, err)
	}
	switch {
	case c.err != nil:
		return c.err
	case c.exit.Code != 0:
		return &ExitError{Path: c.Path, Code: c.exit.Code, Signal: syscall.Signal(c.exit.Signal)}
	}
	return c.copyErr
}

func (c *Cmd) isStarted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stop != nil
}

// Run is Start and Wait.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the command and returns its standard output. Without a Stderr, an
// *ExitError has the end of that.
func (c *Cmd) Output() ([]byte, error) {
	if c.Stdout != nil {
		return nil, errors.New("agent: Stdout already set")
	}
	var out bytes.Buffer
	var tail tailBuffer
	c.Stdout = &out
	if c.Stderr == nil {
		c.Stderr = &tail
	}
	err := c.Run()
	var exit *ExitError
	if errors.As(err, &exit) {
		exit.Stderr = tail.bytes()
	}
	return out.Bytes(), err
}

// CombinedOutput runs the command and returns both its outputs.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	if c.Stdout != nil || c.Stderr != nil {
		return nil, errors.New("agent: Stdout or Stderr already set")
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return out.Bytes(), err
}

// Started is closed when the command runs in the guest, before its first output is
// passed on.
func (c *Cmd) Started() <-chan struct{} { return c.running }

// Pid is the number of the process in the guest, 0 before Start.
func (c *Cmd) Pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pid
}

// Signal sends a signal to the command's process group.
func (c *Cmd) Signal(sig os.Signal) error {
	s, ok := sig.(syscall.Signal)
	if !ok {
		return fmt.Errorf("agent: signal %v: want a syscall.Signal", sig)
	}
	return c.request(wire.Request{Signal: int(s)})
}

// Resize sets the size of the command's terminal.
func (c *Cmd) Resize(size Size) error { return c.request(wire.Request{Size: &size}) }

func (c *Cmd) request(r wire.Request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop == nil {
		return errNotStarted
	}
	select {
	case <-c.exited:
		return os.ErrProcessDone
	default:
		return wire.Send(c.control, r)
	}
}

// ProcessTimes returns the processor time that the command took, after Wait.
func (c *Cmd) ProcessTimes() (user, system time.Duration) {
	select {
	case <-c.exited:
	default:
		return 0, 0
	}
	if c.exit == nil {
		return 0, 0
	}
	return time.Duration(c.exit.UserTime), time.Duration(c.exit.SystemTime)
}

// ExitError is how a command ended that did not succeed.
type ExitError struct {
	Path string
	// Code is the exit status, or -1 if a signal ended the command.
	Code   int
	Signal syscall.Signal
	// Stderr is the end of the standard error, from Output.
	Stderr []byte
}

// Error implements error.
func (e *ExitError) Error() string {
	if e.Signal != 0 {
		return fmt.Sprintf("%s: signal: %v", e.Path, e.Signal)
	}
	return fmt.Sprintf("%s: exit status %d", e.Path, e.Code)
}

// ExitCode is the exit status, or -1 if a signal ended the command.
func (e *ExitError) ExitCode() int { return e.Code }
