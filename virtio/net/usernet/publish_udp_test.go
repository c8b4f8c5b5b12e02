package usernet_test

import (
	"bytes"
	"errors"
	stdnet "net"
	"syscall"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"

	"linuxkvm/virtio/internal/drive"
	"linuxkvm/virtio/net/usernet"
)

// Each sender has its own answers, those beyond MaxConns have none, and with the port
// its senders are gone.
func TestPublishUDP(t *testing.T) {
	m := newMachine(t, usernet.Config{MaxConns: 2}, 0)
	to := full(m.n.Guest(), 53)
	in, err := gonet.DialUDP(m.Stack, &to, nil, ipv4.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := in.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = in.WriteTo(bytes.ToUpper(buf[:n]), from)
		}
	}()
	l, err := m.n.PublishUDP("127.0.0.1:0", 53)
	if err != nil {
		t.Fatal(err)
	}
	addr := l.LocalAddr().String()
	if _, err := m.n.PublishUDP(addr, 53); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a port that is taken: %v", err)
	}
	one, two, three := sendTo(t, addr), sendTo(t, addr), sendTo(t, addr)
	for range 5 {
		wantAnswer(t, one, "one", "ONE")
		wantAnswer(t, two, "two", "TWO")
	}
	_, _ = three.Write([]byte("three"))
	_ = three.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := three.Read(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes for one sender too many", n)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	// Their places are free, soon.
	again, err := m.n.PublishUDP("127.0.0.1:0", 53)
	if err != nil {
		t.Fatal(err)
	}
	c := sendTo(t, again.LocalAddr().String())
	for end := time.Now().Add(drive.Patience); ; {
		_, _ = c.Write([]byte("x"))
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := c.Read(make([]byte, 100)); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no place for a sender after Close")
		}
	}
	if err := m.n.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.n.PublishUDP("127.0.0.1:0", 53); err == nil {
		t.Error("a port of a network that is closed")
	}
}

func sendTo(t *testing.T, addr string) stdnet.Conn {
	t.Helper()
	c, err := stdnet.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func wantAnswer(t *testing.T, c stdnet.Conn, text, want string) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(drive.Patience))
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != want {
		t.Fatalf("%q, error %v; want %q", buf[:n], err, want)
	}
}
