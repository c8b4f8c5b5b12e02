// Package wire is what the host and the guest's agent say to each other.
package wire

import (
	"encoding/json"
	"fmt"
	"io"
)

// Port is the vsock port on which the agent listens.
const Port = 1024

// Version is the protocol's. Both sides are of one program, or of one release.
const Version = 1

// What a connection is for.
const (
	OpExec     = "exec"     // controls a command: Exec follows
	OpStream   = "stream"   // a standard stream of a command
	OpPack     = "pack"     // a tar archive comes from the guest
	OpUnpack   = "unpack"   // a tar archive goes to the guest
	OpShutdown = "shutdown" // end the guest: Reply follows before it does
	OpPing     = "ping"     // Reply follows
)

// Hello is the first message of each connection, from the host.
type Hello struct {
	Version int    `json:"version"`
	Op      string `json:"op"`
	// Token names the command, for OpExec and OpStream.
	Token string `json:"token,omitempty"`
	// Stream is 0, 1 or 2, for OpStream.
	Stream int `json:"stream,omitempty"`
	// Path is where to pack from or unpack to.
	Path string `json:"path,omitempty"`
	// Exec is what OpExec starts.
	Exec *Exec `json:"exec,omitempty"`
}

// Exec is a command.
type Exec struct {
	Path string   `json:"path"` // looked for in PATH if it has no slash
	Args []string `json:"args"` // with the name
	Env  []string `json:"env,omitempty"`
	Dir  string   `json:"dir,omitempty"`
	// User is whom it runs as: NAME or NUMBER, with :GROUP or without; empty is root.
	User string `json:"user,omitempty"`
	// Streams says which of the standard streams the host connects; the others
	// are /dev/null.
	Streams [3]bool `json:"streams"`
	// Terminal has the command run on a terminal, whose both directions are
	// stream 0.
	Terminal bool  `json:"terminal,omitempty"`
	Size     *Size `json:"size,omitempty"`
}

// Size is a terminal's, in characters.
type Size struct {
	Rows uint16 `json:"rows"`
	Cols uint16 `json:"cols"`
}

// Request is what the host says to a running command.
type Request struct {
	Signal int   `json:"signal,omitempty"`
	Size   *Size `json:"size,omitempty"`
}

// Reply is what the guest says.
type Reply struct {
	// Error says why it could not be done, Errno the kernel's reason, if it was.
	Error string `json:"error,omitempty"`
	Errno int    `json:"errno,omitempty"`
	// Started says that the command runs.
	Started int `json:"started,omitempty"`
	// Exit says that it has ended.
	Exit *Exit `json:"exit,omitempty"`
}

// Exit is how a command ended.
type Exit struct {
	// Code is the exit status, or -1 after a signal.
	Code   int `json:"code"`
	Signal int `json:"signal,omitempty"`
	// Core says that there was a core dump.
	Core bool `json:"core,omitempty"`
	// UserTime and SystemTime are in nanoseconds.
	UserTime   int64 `json:"user_time,omitempty"`
	SystemTime int64 `json:"system_time,omitempty"`
}

// maxMessage bounds what is read before it is understood.
const maxMessage = 1 << 20

// Send writes a message.
func Send(w io.Writer, message any) error {
	b, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(b) >= maxMessage {
		return fmt.Errorf("agent: a message of %d bytes: arguments and environment may have %d together", len(b), maxMessage)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// Receive reads a message, byte by byte: what follows it on the connection is not
// a message.
func Receive(r io.Reader, message any) error {
	var line []byte
	var one [1]byte
	for {
		if _, err := io.ReadFull(r, one[:]); err != nil {
			return err
		}
		if one[0] == '\n' {
			break
		}
		if line = append(line, one[0]); len(line) >= maxMessage {
			return fmt.Errorf("agent: a message of more than %d bytes", maxMessage)
		}
	}
	if err := json.Unmarshal(line, message); err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	return nil
}
