package linux

import (
	"context"
	"io"
	"net"

	"linuxkvm/internal/agent"
	"linuxkvm/internal/agent/wire"
	"linuxkvm/internal/control"
)

// ServeControl lets others reach the guest through a socket, as a [Remote] does. It
// returns when the listener is closed; who can connect to it can do in the guest
// whatever root can, so that it has to be where others cannot.
func (vm *VM) ServeControl(l net.Listener) error {
	defer context.AfterFunc(vm.untilEnd(), func() { _ = l.Close() })()
	return control.Serve(l, control.Dial(vm.Dial))
}

// untilEnd is a context that ends with the machine.
func (vm *VM) untilEnd() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-vm.ended
		cancel()
	}()
	return ctx
}

// Remote is a guest that another process runs, reached through the socket at which its
// [VM.ServeControl] listens. Its methods are safe for concurrent use.
type Remote struct {
	dial  func(context.Context) (net.Conn, error)
	agent agent.Client
}

// NewRemote returns a guest. dial makes a connection to its socket, for each stream
// anew.
func NewRemote(dial func(context.Context) (net.Conn, error)) *Remote {
	r := &Remote{dial: dial}
	r.agent.Dial = func(ctx context.Context) (net.Conn, error) { return r.Dial(ctx, wire.Port) }
	return r
}

// Dial connects to a vsock port on which a program of the guest listens.
func (r *Remote) Dial(ctx context.Context, port uint32) (net.Conn, error) {
	conn, err := r.dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := control.Connect(ctx, conn, port); err != nil {
		return nil, err
	}
	return conn, nil
}

// Command returns a command to run in the guest, as [VM.Command] does.
func (r *Remote) Command(ctx context.Context, name string, args ...string) *Cmd {
	return r.agent.Command(ctx, name, args...)
}

// Pack returns a tar archive of a file or directory of the guest, as [VM.Pack] does.
func (r *Remote) Pack(ctx context.Context, path string) (io.ReadCloser, error) {
	return r.agent.Pack(ctx, path)
}

// Unpack writes a tar archive below a directory of the guest, as [VM.Unpack] does.
func (r *Remote) Unpack(ctx context.Context, path string, tar io.Reader) error {
	return r.agent.Unpack(ctx, path, tar)
}

// Shutdown asks the guest to end its processes and to power off, and returns when it
// has begun.
func (r *Remote) Shutdown(ctx context.Context) error { return r.agent.Shutdown(ctx) }
