// Package wire is the protocol between the rig on the host and its agent in the
// guest: frames of one kind byte, four bytes of length (big endian) and a
// payload, over a byte stream.
package wire

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Kind says what a frame carries.
type Kind byte

// From the guest.
const (
	// Hello is the first frame of the guest; its payload is a HelloMessage.
	Hello Kind = iota + 1
	// Stdout and Stderr are bytes that the job wrote.
	Stdout
	Stderr
	// File starts a file that the job left (FileMessage); FileData frames with
	// Size bytes in all follow.
	File
	FileData
	// Exit ends a job (ExitMessage).
	Exit
	// KernelLog is one record of the guest's kernel log, as text.
	KernelLog
)

// From the host.
const (
	// Start starts a job (JobMessage). One job runs at a time.
	Start Kind = iota + 64
	// Stdin is input for the job; an empty payload is its end.
	Stdin
	// Resize gives the terminal of the job a new size (SizeMessage).
	Resize
	// Shutdown asks the guest to power off.
	Shutdown
)

// MaxPayload is the largest payload in bytes that Receive accepts.
const MaxPayload = 1 << 20

// HelloMessage is what the agent found when it came up.
type HelloMessage struct {
	// Release is the kernel's, as in uname -r.
	Release string
	// CPUs is the number of processors that are online.
	CPUs int
	// KVM says whether /dev/kvm is there.
	KVM bool
	// UptimeSeconds is the guest's uptime.
	UptimeSeconds float64
	// Problems are sentences about what did not work: a module, a mount.
	Problems []string
}

// JobMessage is a command to run in the guest.
type JobMessage struct {
	Args []string
	// Env is the whole environment.
	Env []string
	// Dir is the working directory.
	Dir string
	// TimeoutSeconds is how long the job may run; zero is without limit.
	TimeoutSeconds float64
	// TTY gives the job a terminal of Rows by Cols as its three standard files.
	TTY        bool
	Rows, Cols uint16
	// Stdin says that Stdin frames will follow; otherwise it is empty.
	Stdin bool
	// Collect are files and directories that come back when the job has ended;
	// what does not exist is left out.
	Collect []string
}

// SizeMessage is the size of a terminal in characters.
type SizeMessage struct{ Rows, Cols uint16 }

// FileMessage announces a regular file.
type FileMessage struct {
	// Name is the path in the guest.
	Name string
	Size int64
}

// ExitMessage is how a job ended.
type ExitMessage struct {
	// Code is the exit status, -1 if a signal ended the job.
	Code int
	// Signal is the number of that signal.
	Signal int
	// TimedOut says that the agent ended the job.
	TimedOut bool
	// Seconds is the time from start to end by the guest's clock.
	Seconds float64
	// Error is set when the job could not be started or its files not be read.
	Error string
	// Leftover are the command lines of processes that the job left running and
	// that the agent killed.
	Leftover []string
}

// Conn sends and receives frames. Send is safe for concurrent use; Receive is
// for one goroutine.
type Conn struct {
	r  io.Reader
	mu sync.Mutex
	w  io.Writer
}

// NewConn returns a Conn over rw, which is read with exact lengths: no buffer
// is between, so rw should be cheap to read from or buffered.
func NewConn(r io.Reader, w io.Writer) *Conn { return &Conn{r: r, w: w} }

// Send writes one frame in one Write.
func (c *Conn) Send(kind Kind, payload []byte) error {
	if len(payload) > MaxPayload {
		return fmt.Errorf("rig: frame of %d bytes", len(payload))
	}
	b := make([]byte, 5, 5+len(payload))
	b[0] = byte(kind)
	binary.BigEndian.PutUint32(b[1:], uint32(len(payload)))
	b = append(b, payload...)
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(b) > 0 {
		n, err := c.w.Write(b)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// SendMessage sends a frame with v as its payload.
func (c *Conn) SendMessage(kind Kind, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.Send(kind, b)
}

// Receive returns the next frame. The payload is the caller's. It is io.EOF
// between frames when the stream ends there.
func (c *Conn) Receive() (Kind, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > MaxPayload {
		return 0, nil, fmt.Errorf("rig: frame of kind %d announces %d bytes", head[0], n)
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(c.r, payload); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return Kind(head[0]), payload, nil
}

// Writer returns an io.Writer that sends what it gets as frames of one kind.
func (c *Conn) Writer(kind Kind) io.Writer { return frameWriter{c, kind} }

type frameWriter struct {
	c    *Conn
	kind Kind
}

func (w frameWriter) Write(p []byte) (int, error) {
	for sent := 0; sent < len(p); {
		n := min(len(p)-sent, MaxPayload)
		if err := w.c.Send(w.kind, p[sent:sent+n]); err != nil {
			return sent, err
		}
		sent += n
	}
	return len(p), nil
}
