package guestsock

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

type state int

const (
	connecting state = iota
	established
	dead
)

// Alloc is what a connection has room for.
const Alloc = 64 << 10

// Conn is a guest's connection.
type Conn struct {
	s     *Stack
	key   key
	state state

	in                     []byte
	alloc, fwd             uint32 // the host's
	sent, taken, told      uint32
	closed, eof, shut, rst bool
	hostNoRecv             bool
	readEnd, writeEnd      time.Time
}

var _ net.Conn = (*Conn)(nil)

func (c *Conn) send(op uint16, flags uint32, data []byte) {
	c.told = c.taken
	c.s.send(&Packet{c.s.cid, 2, c.key.guest, c.key.host, 1, op, flags, Alloc, c.taken, data})
}

func (c *Conn) take(p *Packet) {
	c.alloc, c.fwd = p.Alloc, p.Fwd
	switch p.Op {
	case Response:
		c.state = established
	case RST:
		c.die(!c.eof || !c.hostNoRecv)
	case RW:
		c.in = append(c.in, p.Data...)
		if len(c.in) > Alloc || c.eof {
			c.s.d.T.Errorf("%d bytes of data, which there is no room for; end %v", len(p.Data), c.eof)
		}
		if c.closed {
			c.drain(len(c.in))
		}
	case Shutdown:
		c.eof = c.eof || p.Flags&2 != 0
		c.hostNoRecv = c.hostNoRecv || p.Flags&1 != 0
		if c.eof && c.hostNoRecv && len(c.in) == 0 {
			c.send(RST, 0, nil)
			c.die(false)
		}
	case CreditRequest:
		c.send(CreditUpdate, 0, nil)
	}
}

// die ends the connection.
func (c *Conn) die(rst bool) {
	c.state, c.rst = dead, c.rst || rst
	delete(c.s.conns, c.key)
}

// drain takes n bytes out of the buffer.
func (c *Conn) drain(n int) {
	c.in = c.in[n:]
	c.taken += uint32(n)
	switch {
	case c.state != established:
	case c.eof && c.hostNoRecv && len(c.in) == 0:
		c.send(RST, 0, nil)
		c.die(false)
	case c.taken-c.told >= Alloc/4:
		c.send(CreditUpdate, 0, nil)
	}
}

func passed(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, net.ErrClosed
		case passed(c.readEnd):
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case len(c.in) > 0:
			n := copy(p, c.in)
			c.drain(n)
			return n, nil
		case c.rst:
			return 0, syscall.ECONNRESET
		case c.eof || c.state == dead:
			return 0, io.EOF
		}
		c.s.change.Wait()
	}
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	done := 0
	for {
		switch {
		case c.closed:
			return done, net.ErrClosed
		case c.rst:
			return done, syscall.ECONNRESET
		case c.state == dead, c.hostNoRecv, c.shut:
			return done, syscall.EPIPE
		case passed(c.writeEnd):
			return done, os.ErrDeadlineExceeded
		case done == len(p):
			return done, nil
		}
		room := int(c.alloc - (c.sent - c.fwd))
		if room <= 0 || len(c.s.out) > sendBufs {
			c.s.change.Wait()
			continue
		}
		n := min(room, len(p)-done, sendSize-HeaderSize)
		c.sent += uint32(n)
		c.send(RW, 0, p[done:done+n])
		done += n
	}
}

// CloseWrite ends the data to the host.
func (c *Conn) CloseWrite() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.shut = true
	c.send(Shutdown, 2, nil)
	return nil
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	if c.state == established {
		c.send(Shutdown, 3, nil)
		c.drain(len(c.in))
	}
	c.s.change.Broadcast()
	return nil
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return addr("guest") }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return addr("host") }

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	c.setDeadlines(t, &c.readEnd, &c.writeEnd)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.setDeadlines(t, &c.readEnd)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.setDeadlines(t, &c.writeEnd)
	return nil
}

func (c *Conn) setDeadlines(t time.Time, ends ...*time.Time) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, e := range ends {
		*e = t
	}
	c.s.change.Broadcast()
	if !t.IsZero() {
		time.AfterFunc(time.Until(t), c.s.change.Broadcast)
	}
}
