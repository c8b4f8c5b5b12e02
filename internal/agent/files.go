package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"linuxkvm/internal/agent/wire"
)

// Pack returns a tar archive of a file or a directory of the guest: names are
// relative to it, that of a file is its own. The caller closes it.
func (c *Client) Pack(ctx context.Context, path string) (io.ReadCloser, error) {
	conn, err := c.open(ctx, wire.Hello{Op: wire.OpPack, Path: path})
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	var r wire.Reply
	if err := errors.Join(wire.Receive(conn, &r), remoteError(r)); err != nil {
		stop()
		_ = conn.Close()
		return nil, err
	}
	return &archive{conn, stop}, nil
}

// archive is a connection that a context ends.
type archive struct {
	net.Conn
	stop func() bool
}

func (a *archive) Close() error {
	a.stop()
	return a.Conn.Close()
}

// Unpack writes a tar archive below a directory of the guest, which is made if it is
// not there. Names that lead out of it are refused.
func (c *Client) Unpack(ctx context.Context, path string, tar io.Reader) error {
	conn, err := c.open(ctx, wire.Hello{Op: wire.OpUnpack, Path: path})
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_, copyErr := io.Copy(conn, tar)
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // the answer tells
	}
	var r wire.Reply
	if err := wire.Receive(conn, &r); err != nil {
		return fmt.Errorf("agent: unpack into %s: %w", path, errors.Join(ctx.Err(), copyErr, err))
	}
	return remoteError(r)
}
