package linux

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"linuxkvm/virtio/net/usernet"
)

// serveDatagrams answers each datagram with itself.
func serveDatagrams(addr string) error {
	p, err := net.ListenPacket("udp", addr)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	b := make([]byte, 2000)
	for {
		n, from, err := p.ReadFrom(b)
		if err != nil {
			return err
		}
		_, _ = p.WriteTo(b[:n], from) // lost, as datagrams may be
	}
}

// serveInGuest starts a server of the guest and waits until it listens.
func serveInGuest(t *testing.T, vm *VM, command, addr string) {
	t.Helper()
	c := vm.Command(t.Context(), "/init", guestArg, command, addr)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err == nil {
		_, err = io.ReadFull(out, make([]byte, len("listening\n")))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Guests of one process have networks of their own, with the same addresses: each
// reaches what it may, and is reached by its own published port.
func TestManyUserNetworks(t *testing.T) {
	tcp, _ := echoServers(t)
	for i, allowed := range []bool{true, false} {
		port, err := net.ListenPacket("udp", "127.0.0.1:0") // one that is free
		if err != nil {
			t.Fatal(err)
		}
		addr := port.LocalAddr().String()
		if err := port.Close(); err != nil {
			t.Fatal(err)
		}
		vm := startGuest(t, Config{Kernel: oneKernel(t), Memory: 192 << 20, Network: UserNetwork{
			Config: usernet.Config{Allow: func(string, netip.AddrPort) error {
				if !allowed {
					return errors.New("not this guest")
				}
				return nil
			}},
			Publish: []Port{{Host: addr, Guest: 7000, Protocol: "udp"}},
		}})
		serveInGuest(t, vm, "serve-udp", ":7000")
		conn, err := net.Dial("udp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		// To the end of the test: the guests run beside each other.
		defer func() {
			want := fmt.Sprint("guest ", i)
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			_, err := io.WriteString(conn, want)
			b := make([]byte, 100)
			n, readErr := conn.Read(b)
			if err := errors.Join(err, readErr); err != nil || string(b[:n]) != want {
				t.Errorf("guest %d: %q, %v", i, b[:n], err)
			}
			to := net.JoinHostPort(vm.user.Host().String(), fmt.Sprint(tcp.Port()))
			if allowed {
				wantTool(t, vm, "from the guest\n", true, "exchange", "tcp", to)
			} else {
				wantTool(t, vm, "ECONNREFUSED", false, "exchange", "tcp", to)
			}
		}()
	}
}
