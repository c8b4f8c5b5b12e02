package vsock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
)

// Dial connects to a port on which a program of the guest listens. Without one the
// error is ECONNREFUSED; before the guest's driver is there, ErrNotReady.
func (d *Device) Dial(ctx context.Context, port uint32) (net.Conn, error) {
	c, err := d.request(port)
	if err == nil {
		err = c.awaitConnected(ctx)
	}
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "vsock", Addr: Addr{d.cid, port}, Err: err}
	}
	return c, nil
}

// request asks the guest for a connection.
func (d *Device) request(port uint32) (*Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.session == nil {
		return nil, ErrNotReady
	}
	if len(d.conns) >= d.maxConns {
		return nil, fmt.Errorf("%d connections, the most that this device has: %w", d.maxConns, syscall.ENFILE)
	}
	own := d.freePort(port)
	c := d.newConn(key{own, port})
	c.pending = 1 << opRequest
	d.wake(c)
	return c, nil
}

// freePort returns a port for our own end. There are more than connections.
func (d *Device) freePort(guest uint32) uint32 {
	for {
		port := d.nextPort
		if d.nextPort++; d.nextPort == 0xffff_ffff {
			d.nextPort = firstPort
		}
		if d.conns[key{port, guest}] == nil && d.listeners[port] == nil {
			return port
		}
	}
}

func (c *Conn) awaitConnected(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() {
		c.d.mu.Lock()
		defer c.d.mu.Unlock()
		c.change.Broadcast()
	})()
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	for c.state == connecting {
		if err := ctx.Err(); err != nil {
			c.reset(err)
			return err
		}
		c.change.Wait()
	}
	if c.state == dead {
		return c.err
	}
	return nil
}

// Listener takes connections that the guest makes: a net.Listener.
type Listener struct {
	d       *Device
	port    uint32
	backlog chan *Conn
	once    sync.Once
	closed  chan struct{}
}

var _ net.Listener = (*Listener)(nil)

// backlogSize is how many connections wait for Accept; more are refused.
const backlogSize = 128

// Listen takes connections to a port of the host. A port has one listener.
func (d *Device) Listen(port uint32) (net.Listener, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.listeners[port] != nil {
		return nil, &net.OpError{Op: "listen", Net: "vsock", Addr: Addr{HostCID, port}, Err: syscall.EADDRINUSE}
	}
	l := &Listener{d: d, port: port, backlog: make(chan *Conn, backlogSize), closed: make(chan struct{})}
	d.listeners[port] = l
	return l, nil
}

// Accept waits for a connection.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
	case c := <-l.backlog:
		return c, nil
	}
	return nil, &net.OpError{Op: "accept", Net: "vsock", Addr: l.Addr(), Err: net.ErrClosed}
}

// Addr is the address of the host with the port.
func (l *Listener) Addr() net.Addr { return Addr{HostCID, l.port} }

// Close ends Accept, and resets the connections that nobody has accepted.
func (l *Listener) Close() error {
	err := &net.OpError{Op: "close", Net: "vsock", Addr: l.Addr(), Err: net.ErrClosed}
	first := false
	l.once.Do(func() { first = true })
	if !first {
		return err
	}
	l.d.mu.Lock()
	delete(l.d.listeners, l.port) // no more come
	l.d.mu.Unlock()
	close(l.closed)
	for {
		select {
		case c := <-l.backlog:
			if err := c.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				return err
			}
		default:
			return nil
		}
	}
}
