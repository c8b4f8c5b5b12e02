package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"linuxkvm/internal/agent/wire"
)

// Client asks a guest's agent.
type Client struct {
	// Dial makes a connection to the agent.
	Dial func(context.Context) (net.Conn, error)
}

// RemoteError is what the guest says went wrong. It unwraps to the errno, if there
// was one in the guest: errors.Is(err, fs.ErrNotExist) works.
type RemoteError struct {
	Message string
	Errno   syscall.Errno // 0 if there was none
}

// Error implements error.
func (e *RemoteError) Error() string { return "guest: " + e.Message }

// Unwrap implements errors.Unwrap.
func (e *RemoteError) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

func remoteError(r wire.Reply) error {
	if r.Error == "" {
		return nil
	}
	return &RemoteError{r.Error, syscall.Errno(r.Errno)}
}

// open makes a connection and says what it is for. When ctx ends, so does the
// connection.
func (c *Client) open(ctx context.Context, hello wire.Hello) (net.Conn, error) {
	conn, err := c.Dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	hello.Version = wire.Version
	if err := wire.Send(conn, hello); err != nil {
		_ = conn.Close() // the first error tells more
		return nil, fmt.Errorf("agent: %w", err)
	}
	return conn, nil
}

// ask makes a connection for one answer.
func (c *Client) ask(ctx context.Context, op string) error {
	conn, err := c.open(ctx, wire.Hello{Op: op})
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	var r wire.Reply
	if err := wire.Receive(conn, &r); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("agent: %w", err))
	}
	return remoteError(r)
}

// Ping returns when the agent answers.
func (c *Client) Ping(ctx context.Context) error { return c.ask(ctx, wire.OpPing) }

// Shutdown asks the guest to end its processes, unmount and power off. It returns
// when the guest has begun.
func (c *Client) Shutdown(ctx context.Context) error { return c.ask(ctx, wire.OpShutdown) }
