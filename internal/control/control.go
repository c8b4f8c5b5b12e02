// Package control reaches the vsock ports of a guest through a socket of the process
// that runs it. A client says "CONNECT 1024\n", is answered with "OK 1024\n", and then has
// a stream to that port; this is how Firecracker and Cloud Hypervisor do it, so that
// what speaks to theirs speaks to ours. What they answer with silence is answered with
// "ERROR" and a reason.
package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Dial makes a connection to a port of the guest.
type Dial func(ctx context.Context, port uint32) (net.Conn, error)

const (
	// requestTime is how long a client may take to say what it wants.
	requestTime = 10 * time.Second
	// dialTime is how long the guest may take to answer.
	dialTime = 30 * time.Second
	// maxLine bounds what is read before it is understood.
	maxLine = 256
)

// Serve answers clients until the listener is closed, and then ends what they have.
func Serve(l net.Listener, dial Dial) error {
	ctx, cancel := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	defer clients.Wait()
	defer cancel()
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return fmt.Errorf("control socket: %w", err)
		}
		clients.Go(func() { serve(ctx, conn, dial) })
	}
}

// serve answers one client.
func serve(ctx context.Context, client net.Conn, dial Dial) {
	defer client.Close()
	defer context.AfterFunc(ctx, func() { _ = client.Close() })()
	guest, err := connect(ctx, client, dial)
	if err != nil {
		// One line, whatever the error says; a client that is gone does not hear it.
		_, _ = fmt.Fprintf(client, "ERROR %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	defer guest.Close()
	defer context.AfterFunc(ctx, func() { _ = guest.Close() })()
	join(client, guest)
}

// connect does what a client asks for first.
func connect(ctx context.Context, client net.Conn, dial Dial) (net.Conn, error) {
	_ = client.SetReadDeadline(time.Now().Add(requestTime)) // a socket has them
	line, err := readLine(client)
	if err != nil {
		return nil, err
	}
	_ = client.SetReadDeadline(time.Time{})
	word, number, _ := strings.Cut(line, " ")
	port, err := strconv.ParseUint(number, 10, 32)
	if word != "CONNECT" || err != nil {
		return nil, fmt.Errorf("%q: want CONNECT and the number of a vsock port", line)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	guest, err := dial(ctx, uint32(port))
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(client, "OK %d\n", port); err != nil {
		return nil, errors.Join(err, guest.Close())
	}
	return guest, nil
}

// join passes bytes both ways, and the end of either by itself. What goes wrong on one
// way ends both.
func join(a, b net.Conn) {
	var both sync.WaitGroup
	both.Go(func() { pass(a, b) })
	both.Go(func() { pass(b, a) })
	both.Wait()
}

func pass(to, from net.Conn) {
	_, err := io.Copy(to, from)
	half, ok := to.(interface{ CloseWrite() error })
	if err == nil && ok && half.CloseWrite() == nil {
		return
	}
	_ = to.Close() // the other end learns it
	_ = from.Close()
}

// Connect asks at the other end of a control socket for a port of the guest. When
// ctx ends before there is an answer, the connection is closed. When Connect fails it
// is, too.
func Connect(ctx context.Context, conn net.Conn, port uint32) (err error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		if !stop() && err == nil {
			err = ctx.Err()
		}
		if err != nil {
			_ = conn.Close()
		}
	}()
	if _, err := fmt.Fprintf(conn, "CONNECT %d\n", port); err != nil {
		return errors.Join(ctx.Err(), err)
	}
	line, err := readLine(conn)
	if err != nil {
		return errors.Join(ctx.Err(), err)
	}
	if reason, ok := strings.CutPrefix(line, "ERROR "); ok {
		return errors.New(reason)
	}
	if !strings.HasPrefix(line, "OK ") {
		return fmt.Errorf("control socket: %q is no answer to CONNECT", line)
	}
	return nil
}

// readLine reads byte by byte: what follows is the stream.
func readLine(r io.Reader) (string, error) {
	var line []byte
	var one [1]byte
	for {
		if _, err := io.ReadFull(r, one[:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return "", fmt.Errorf("control socket: %w", err)
		}
		if one[0] == '\n' {
			return string(line), nil
		}
		if line = append(line, one[0]); len(line) > maxLine {
			return "", fmt.Errorf("control socket: a line of more than %d bytes", maxLine)
		}
	}
}
