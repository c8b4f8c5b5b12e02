package control_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"linuxkvm/internal/agent"
	"linuxkvm/internal/agent/server"
	"linuxkvm/internal/agent/wire"
	"linuxkvm/internal/control"
)

// newClient runs an agent's server in this process, as in a guest with that one port,
// and a control socket before it.
func newClient(t *testing.T) (c *agent.Client, socket string) {
	t.Helper()
	dir := t.TempDir()
	guest := listen(t, filepath.Join(dir, "guest"))
	s := &server.Server{Env: []string{"PATH=/usr/bin:/bin"}, Shutdown: func() { _ = guest.Close() }}
	go func() { _ = s.Serve(guest) }()
	l := listen(t, filepath.Join(dir, "control"))
	done := make(chan error, 1)
	go func() {
		done <- control.Serve(l, func(ctx context.Context, port uint32) (net.Conn, error) {
			if port != wire.Port {
				return nil, syscall.ECONNREFUSED
			}
			return new(net.Dialer).DialContext(ctx, "unix", guest.Addr().String())
		})
	}()
	t.Cleanup(func() {
		_ = l.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = guest.Close()
	})
	return &agent.Client{Dial: func(ctx context.Context) (net.Conn, error) {
		return open(ctx, l.Addr().String(), wire.Port)
	}}, l.Addr().String()
}

func listen(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func open(ctx context.Context, socket string, port uint32) (net.Conn, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	return conn, control.Connect(ctx, conn, port)
}

// A command's streams, their ends and its status pass.
func TestCommand(t *testing.T) {
	c, _ := newClient(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	cmd := c.Command(t.Context(), "sh", "-c", "cat; echo done >&2; exit 7")
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	var exit *agent.ExitError
	if !errors.As(err, &exit) || exit.Code != 7 || string(exit.Stderr) != "done\n" || !bytes.Equal(out, data) {
		t.Errorf("%d bytes of %d, %v", len(out), len(data), err)
	}
}

// A command whose client goes is killed, as without the socket between them.
func TestClientGoes(t *testing.T) {
	c, _ := newClient(t)
	ctx, cancel := context.WithCancel(t.Context())
	cmd := c.Command(ctx, "sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := cmd.Wait(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for end := time.Now().Add(10 * time.Second); syscall.Kill(cmd.Pid(), 0) == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the command lives on")
		}
	}
}

func TestRefused(t *testing.T) {
	_, socket := newClient(t)
	if _, err := open(t.Context(), socket, 7); err == nil || !strings.Contains(err.Error(), syscall.ECONNREFUSED.Error()) {
		t.Errorf("port 7: %v", err)
	}
	for _, request := range []string{"HELLO\n", "CONNECT\n", "CONNECT -1\n", "CONNECT 4294967296\n", strings.Repeat("x", 300)} {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if !strings.HasPrefix(string(answer), "ERROR ") {
			t.Errorf("%.20q: %q, %v", request, answer, err)
		}
	}
}

// A client that asked for nothing yet is let go at the end.
func TestEnd(t *testing.T) {
	l := listen(t, filepath.Join(t.TempDir(), "control"))
	done := make(chan error, 1)
	go func() { done <- control.Serve(l, nil) }()
	conn, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	time.Sleep(10 * time.Millisecond) // it may be accepted by now, or not
	_ = l.Close()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it does not end")
	}
}

// Who waits for an answer that does not come is not held up by it.
func TestNoAnswer(t *testing.T) {
	l := listen(t, filepath.Join(t.TempDir(), "control"))
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := open(ctx, l.Addr().String(), 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
