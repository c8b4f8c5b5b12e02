// Package server is the guest's side of package agent: it runs commands, passes
// files, and ends the guest.
package server

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"linuxkvm/internal/agent/wire"
)

// Server serves hosts.
type Server struct {
	// Root is the directory that is the root of commands and of files; "" is the
	// process's own.
	Root string
	// Env is the environment of a command that brings none.
	Env []string
	// Shutdown ends the system, after every process has been told to end. It is
	// called once.
	Shutdown func()

	reaper   *reaper
	mu       sync.Mutex
	commands map[string]*command
	ending   sync.Once
}

// helloTime is how long a connection may take to say what it is for, and a stream
// to find its command.
const helloTime = 30 * time.Second

// Serve answers connections until the listener is closed.
func (s *Server) Serve(l net.Listener) error {
	s.reaper = newReaper()
	s.commands = map[string]*command{}
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return err
		}
		go s.serve(conn)
	}
}

// serve answers one connection.
func (s *Server) serve(conn net.Conn) {
	var hello wire.Hello
	// A transport without deadlines waits as long as the host does.
	_ = conn.SetReadDeadline(time.Now().Add(helloTime))
	if err := wire.Receive(conn, &hello); err != nil {
		_ = conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	if hello.Version != wire.Version {
		s.refuse(conn, fmt.Errorf("agent: the guest speaks version %d of the protocol, the host %d", wire.Version, hello.Version))
		return
	}
	switch hello.Op {
	case wire.OpExec:
		s.exec(conn, hello)
	case wire.OpStream:
		s.stream(conn, hello)
	case wire.OpPack:
		s.pack(conn, hello.Path)
	case wire.OpUnpack:
		s.unpack(conn, hello.Path)
	case wire.OpPing:
		s.finish(conn, nil)
	case wire.OpShutdown:
		s.finish(conn, nil)
		s.ending.Do(s.Shutdown)
	default:
		s.refuse(conn, fmt.Errorf("agent: unknown operation %q", hello.Op))
	}
}

// finish says how it went and ends a connection.
func (s *Server) finish(conn net.Conn, err error) {
	// A host that is gone does not hear it.
	_ = wire.Send(conn, reply(err))
	_ = conn.Close()
}

func (s *Server) refuse(conn net.Conn, err error) { s.finish(conn, err) }

// reply is an error as a message.
func reply(err error) wire.Reply {
	if err == nil {
		return wire.Reply{}
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return wire.Reply{Error: err.Error(), Errno: int(errno)}
	}
	return wire.Reply{Error: err.Error()}
}

// command returns the command of a token, which a stream may name before it is
// there.
func (s *Server) command(token string) *command {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.commands[token]
	if c == nil {
		c = newCommand()
		s.commands[token] = c
		time.AfterFunc(helloTime, func() { s.forgetUnused(token, c) })
	}
	return c
}

// forgetUnused drops a command that only streams have asked for.
func (s *Server) forgetUnused(token string, c *command) {
	if c.expire() {
		s.forget(token)
	}
}

func (s *Server) forget(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.commands, token)
}
