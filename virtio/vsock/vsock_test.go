package vsock_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"linuxkvm/virtio"
	"linuxkvm/virtio/internal/drive"
	"linuxkvm/virtio/vsock"
	"linuxkvm/virtio/vsock/internal/guestsock"
)

const cid = 7

func newDevice(t testing.TB) (*vsock.Device, *drive.Driver) {
	t.Helper()
	dev, err := vsock.New(vsock.Config{CID: cid})
	if err != nil {
		t.Fatal(err)
	}
	return dev, drive.New(t, dev)
}

func newPair(t testing.TB) (*vsock.Device, *guestsock.Stack) {
	dev, d := newDevice(t)
	return dev, guestsock.New(d, 0)
}

// soon waits for what is going to be.
func soon(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(drive.Patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not soon: " + what)
		}
	}
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), drive.Patience)
	t.Cleanup(cancel)
	return ctx
}

// dial connects from the host to the guest.
func dial(t testing.TB, dev *vsock.Device, s *guestsock.Stack, port uint32) (host, guest net.Conn) {
	t.Helper()
	l := s.Listen(port)
	defer l.Close()
	host, err := dev.Dial(within(t), port)
	if err != nil {
		t.Fatal(err)
	}
	if guest, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return host, guest
}

// accept connects from the guest to the host.
func accept(t testing.TB, dev *vsock.Device, s *guestsock.Stack, port uint32) (host, guest net.Conn) {
	t.Helper()
	l, err := dev.Listen(port)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if guest, err = s.Dial(port); err != nil {
		t.Fatal(err)
	}
	if host, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return host, guest
}

func TestConn(t *testing.T) {
	for name, without := range map[string]uint64{"event index": 0, "flags": virtio.FeatureEventIdx} {
		for way, connect := range map[string]func(testing.TB, *vsock.Device, *guestsock.Stack, uint32) (net.Conn, net.Conn){"dial": dial, "accept": accept} {
			for _, swap := range []bool{false, true} {
				t.Run(name+"/"+way+map[bool]string{true: "/guest first"}[swap], func(t *testing.T) {
					dev, d := newDevice(t)
					s := guestsock.New(d, without)
					port := uint32(0)
					nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
						port++
						host, guest := connect(t, dev, s, port)
						stop = func() { _, _ = host.Close(), guest.Close() }
						if swap {
							return guest, host, stop, nil
						}
						return host, guest, stop, nil
					})
					soon(t, "no connection is left", func() bool { open, _, _ := dev.Load(); return open+s.Conns() == 0 })
				})
			}
		}
	}
}

func TestAddr(t *testing.T) {
	dev, s := newPair(t)
	host, _ := accept(t, dev, s, 80)
	if got := host.LocalAddr(); got != (vsock.Addr{CID: 2, Port: 80}) || got.String() != "2:80" || got.Network() != "vsock" {
		t.Errorf("local address %v", got)
	}
	if got := host.RemoteAddr(); got != (vsock.Addr{CID: cid, Port: 1025}) {
		t.Errorf("remote address %v", got)
	}
}

func TestNew(t *testing.T) {
	for _, bad := range []uint64{0, 1, 2, 0xffff_ffff, 1 << 32} {
		if _, err := vsock.New(vsock.Config{CID: bad}); err == nil || !strings.Contains(err.Error(), "want 3 to") {
			t.Errorf("CID %d: error %v", bad, err)
		}
	}
}

func TestRefused(t *testing.T) {
	dev, s := newPair(t)
	if _, err := dev.Dial(within(t), 1); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial: %v, want ECONNREFUSED", err)
	}
	if _, err := s.Dial(1); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the guest's dial: %v, want ECONNREFUSED", err)
	}
	l, err := dev.Listen(1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dev.Listen(1); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("second listener: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept of a closed listener: %v", err)
	}
	if _, err := s.Dial(1); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the guest's dial of a closed listener: %v", err)
	}
}

// Without a driver, and with one that does not answer.
func TestNoAnswer(t *testing.T) {
	dev, d := newDevice(t)
	if _, err := dev.Dial(t.Context(), 1); !errors.Is(err, vsock.ErrNotReady) {
		t.Errorf("without a driver: %v", err)
	}
	d.Start(0)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := dev.Dial(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without an answer: %v", err)
	}
	if open, sendable, stray := dev.Load(); open+sendable+stray != 0 {
		t.Errorf("a dial that ended left %d connections, %d and %d packets", open, sendable, stray)
	}
}

func TestHalfClose(t *testing.T) {
	type halfCloser interface {
		net.Conn
		CloseWrite() error
	}
	dev, s := newPair(t)
	host, guest := dial(t, dev, s, 1)
	for name, ends := range map[string][2]net.Conn{"host first": {host, guest}, "guest first": {guest, host}} {
		t.Run(name, func(t *testing.T) {
			a, b := ends[0].(halfCloser), ends[1].(halfCloser)
			if name != "host first" {
				host, guest := accept(t, dev, s, 2)
				a, b = guest.(halfCloser), host.(halfCloser)
			}
			big := bytes.Repeat([]byte("half"), 100<<10)
			go func() {
				_, err := a.Write(big)
				if err := errors.Join(err, a.CloseWrite()); err != nil {
					t.Error(err)
				}
			}()
			if got, err := io.ReadAll(b); err != nil || !bytes.Equal(got, big) {
				t.Errorf("%d bytes, error %v", len(got), err)
			}
			if _, err := a.Write([]byte("more")); err == nil {
				t.Error("no error for a write after CloseWrite")
			}
			go func() {
				_, err := b.Write(big)
				if err := errors.Join(err, b.Close()); err != nil {
					t.Error(err)
				}
			}()
			if got, err := io.ReadAll(a); err != nil || !bytes.Equal(got, big) {
				t.Errorf("the other way: %d bytes, error %v", len(got), err)
			}
		})
	}
}

// What was written before Close reaches a guest that is slow to read, for as long as
// it reads at all.
func TestCloseDelivers(t *testing.T) {
	dev, d := newDevice(t)
	dev.SetPatience(time.Minute, 100*time.Millisecond)
	s := guestsock.New(d, 0)
	host, guest := dial(t, dev, s, 1)
	big := bytes.Repeat([]byte("x"), 200<<10)
	if _, err := host.Write(big); err != nil {
		t.Fatal(err)
	}
	if err := host.Close(); err != nil {
		t.Fatal(err)
	}
	got, buf := 0, make([]byte, 32<<10)
	for got < len(big) {
		time.Sleep(30 * time.Millisecond)
		n, err := guest.Read(buf)
		if got += n; err != nil {
			t.Fatalf("after %d bytes: %v", got, err)
		}
	}
	if _, err := guest.Read(buf); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	host, _ = dial(t, dev, s, 2)
	_, _ = host.Write(big)
	_ = host.Close()
	soon(t, "a guest that does not read is given up", func() bool { open, _, _ := dev.Load(); return open == 0 })
}

// A reader that does not read holds up its own connection only.
func TestBackPressure(t *testing.T) {
	dev, s := newPair(t)
	slow, guestSlow := dial(t, dev, s, 1)
	fast, guestFast := dial(t, dev, s, 2)
	for name, c := range map[string]net.Conn{"guest": guestSlow, "host": slow} {
		if err := c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Write(make([]byte, 8<<20))
		if !errors.Is(err, os.ErrDeadlineExceeded) || n > 2*vsock.BufferSize {
			t.Errorf("%s: %d bytes, error %v", name, n, err)
		}
	}
	go func() {
		_, _ = io.Copy(guestFast, guestFast)
		_ = guestFast.(*guestsock.Conn).CloseWrite()
	}()
	big := bytes.Repeat([]byte("fast"), 1<<20)
	go func() {
		_, _ = fast.Write(big)
		_ = fast.(*vsock.Conn).CloseWrite()
	}()
	if got, err := io.ReadAll(fast); err != nil || !bytes.Equal(got, big) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
}

// A reset of the device ends all connections; the next driver begins anew.
func TestDeviceReset(t *testing.T) {
	dev, d := newDevice(t)
	s := guestsock.New(d, 0)
	host, _ := dial(t, dev, s, 1)
	if _, err := host.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		_, err := host.Read(make([]byte, 1))
		failed <- err
	}()
	d.SetReg(drive.Status, 0)
	if err := <-failed; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read: %v", err)
	}
	if _, err := host.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("write: %v", err)
	}
	if err := host.Close(); err != nil {
		t.Error(err)
	}
	if open, _, _ := dev.Load(); open != 0 {
		t.Errorf("%d connections left", open)
	}
}

// A transport reset is an event for the guest.
func TestReset(t *testing.T) {
	dev, d := newDevice(t)
	s := guestsock.New(d, 0)
	host, _ := dial(t, dev, s, 1)
	events := d.NewPool(2, 1, 4, true)
	events.Fill()
	dev.Reset()
	if _, err := host.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read: %v", err)
	}
	soon(t, "the event", func() bool { return bytes.Equal(events.Recv(), make([]byte, 4)) })
}
