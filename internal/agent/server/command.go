package server

import (
	"errors"
	"net"
	"sync"
	"time"

	"linuxkvm/internal/agent/wire"
)

// command is one that the host has asked for, with the connections of its streams.
type command struct {
	mu      sync.Mutex
	conns   [3]net.Conn
	arrived [3]chan struct{} // closed when the stream is there
	taken   bool             // by the control connection
	dead    bool             // takes no streams any more
}

func newCommand() *command {
	c := new(command)
	for i := range c.arrived {
		c.arrived[i] = make(chan struct{})
	}
	return c
}

var errStream = errors.New("agent: no such stream of a command, or a second one")

// add takes a stream.
func (c *command) add(i int, conn net.Conn) error {
	if i < 0 || i >= len(c.conns) {
		return errStream
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead || c.conns[i] != nil {
		return errStream
	}
	c.conns[i] = conn
	close(c.arrived[i])
	return nil
}

// take says that the control connection is here, and waits for the streams that it
// needs.
func (c *command) take(need [3]bool) error {
	c.mu.Lock()
	if c.taken || c.dead {
		c.mu.Unlock()
		return errors.New("agent: a token was used twice")
	}
	c.taken = true
	c.mu.Unlock()
	deadline := time.After(helloTime)
	for i, wanted := range need {
		if !wanted {
			continue
		}
		select {
		case <-c.arrived[i]:
		case <-deadline:
			return errors.New("agent: a stream of the command did not come")
		}
	}
	return nil
}

// expire ends a command that nobody has taken.
func (c *command) expire() bool {
	c.mu.Lock()
	taken := c.taken
	c.mu.Unlock()
	if !taken {
		c.close()
	}
	return !taken
}

// close ends the streams.
func (c *command) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
	for _, conn := range c.conns {
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// stream gives a connection to its command.
func (s *Server) stream(conn net.Conn, hello wire.Hello) {
	if err := s.command(hello.Token).add(hello.Stream, conn); err != nil {
		s.refuse(conn, err)
	}
}
