package vsock

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// state is that of a connection.
type state int

const (
	connecting state = iota
	established
	dead // reset, or closed by both; not in the device's table
)

var (
	errReset   = syscall.ECONNRESET
	errRefused = syscall.ECONNREFUSED
)

// Conn is a connection: a net.Conn whose two directions can be closed one by one.
type Conn struct {
	d   *Device
	key key

	// The device's lock guards what follows.
	state   state
	err     error      // why it is dead
	change  *sync.Cond // of anything that somebody waits for
	pending uint32     // operations to send, a bit each
	queued  bool       // in the device's turn

	in, out            buffer
	peerAlloc, peerFwd uint32 // what the guest has room for, and has taken
	sent, taken, told  uint32 // bytes: to the guest; by the reader; of which the guest knows
	closed             bool   // by us
	noWrite            bool   // no more data from us
	shut, saidClosed   bool   // the guest was told

	peerNoSend, peerNoRecv      bool
	readDeadline, writeDeadline deadline
}

var _ net.Conn = (*Conn)(nil)

// closeTime is how long a guest may take to agree to the end of a connection. Linux
// takes as long.
const closeTime = 8 * time.Second

func (d *Device) newConn(k key) *Conn {
	c := &Conn{d: d, key: k, change: sync.NewCond(&d.mu)}
	d.conns[k] = c
	return c
}

// LocalAddr is the host's end.
func (c *Conn) LocalAddr() net.Addr { return Addr{HostCID, c.key.host} }

// RemoteAddr is the guest's end.
func (c *Conn) RemoteAddr() net.Addr { return Addr{c.d.cid, c.key.guest} }

// opError makes an error as package net does.
func (c *Conn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: "vsock", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// Read reads what the guest has sent. io.EOF is the end of that.
func (c *Conn) Read(p []byte) (int, error) {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	for {
		if err := c.readError(); err != nil {
			return 0, c.opError("read", err)
		}
		if len(p) == 0 {
			return 0, nil
		}
		if n := c.in.read(p); n > 0 {
			c.taken += uint32(n)
			c.giveCredit()
			return n, nil
		}
		if err := c.endOfInput(); err != nil {
			return 0, c.opError("read", err)
		}
		c.change.Wait()
	}
}

func (c *Conn) readError() error {
	switch {
	case c.closed:
		return net.ErrClosed
	case c.readDeadline.passed():
		return os.ErrDeadlineExceeded
	}
	return nil
}

// endOfInput is why no more will come.
func (c *Conn) endOfInput() error {
	switch {
	case c.peerNoSend:
		return io.EOF
	case c.state == dead:
		return c.err
	}
	return nil
}

// giveCredit tells the guest of room once there is enough to be worth it.
func (c *Conn) giveCredit() {
	if c.state == established && c.taken-c.told >= bufferSize/4 {
		c.pending |= 1 << opCreditUpdate
		c.d.wake(c)
	}
}

// Write sends data. It returns when the device has it, not when the guest does.
func (c *Conn) Write(p []byte) (int, error) {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	done := 0
	for {
		if err := c.writeError(); err != nil {
			return done, c.opError("write", err)
		}
		if n := c.out.write(p[done:]); n > 0 {
			done += n
			c.d.wake(c)
		}
		if done == len(p) {
			return done, nil
		}
		c.change.Wait()
	}
}

func (c *Conn) writeError() error {
	switch {
	case c.closed:
		return net.ErrClosed
	case c.state == dead && c.err != nil:
		return c.err
	case c.noWrite, c.peerNoRecv, c.state == dead:
		return syscall.EPIPE
	case c.writeDeadline.passed():
		return os.ErrDeadlineExceeded
	}
	return nil
}

// CloseWrite ends the data to the guest: its reads end after what was written.
func (c *Conn) CloseWrite() error {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.noWrite = true
	c.d.wake(c)
	c.change.Broadcast()
	return nil
}

// Close ends the connection. What was written before still reaches the guest.
func (c *Conn) Close() error {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.closed, c.noWrite = true, true
	c.readDeadline.stop()
	c.writeDeadline.stop()
	// Nobody reads any more: the guest may send, and it is forgotten.
	c.taken += uint32(c.in.size())
	c.in.drop()
	if c.state == established {
		c.d.wake(c)
		time.AfterFunc(closeTime, c.giveUp)
	}
	c.change.Broadcast()
	return nil
}

// giveUp resets a connection whose guest did not agree to its end.
func (c *Conn) giveUp() {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if c.state != dead {
		c.reset(errReset)
	}
}

// fail makes a connection dead. The caller takes it out of the table.
func (c *Conn) fail(err error) {
	c.state, c.err, c.pending = dead, err, 0
	c.out.drop()
	c.change.Broadcast()
}

// reset makes a connection dead and tells the guest.
func (c *Conn) reset(err error) {
	c.remove(err)
	c.d.refuse(&header{srcCID: c.d.cid, dstCID: HostCID, srcPort: c.key.guest, dstPort: c.key.host, kind: kindStream})
}

// remove makes a connection dead and forgets it.
func (c *Conn) remove(err error) {
	c.fail(err)
	delete(c.d.conns, c.key)
}

// SetDeadline implements net.Conn.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.readDeadline, t) }

// SetWriteDeadline implements net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.writeDeadline, t) }

func (c *Conn) setDeadline(d *deadline, t time.Time) error {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if c.closed {
		return c.opError("set", net.ErrClosed)
	}
	d.set(t, func() {
		c.d.mu.Lock()
		defer c.d.mu.Unlock()
		c.change.Broadcast()
	})
	c.change.Broadcast()
	return nil
}

// deadline is a time at which waiting ends.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) set(t time.Time, wake func()) {
	d.stop()
	if d.at = t; !t.IsZero() {
		d.timer = time.AfterFunc(time.Until(t), wake)
	}
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }
