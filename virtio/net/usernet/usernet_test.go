package usernet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	stdnet "net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"

	"linuxkvm/virtio/internal/drive"
	"linuxkvm/virtio/net"
	"linuxkvm/virtio/net/internal/guestnet"
	"linuxkvm/virtio/net/usernet"
)

var mac = stdnet.HardwareAddr{2, 0, 0, 0, 0, 7}

// policy allows everything and remembers what it was asked.
type policy struct {
	mu    sync.Mutex
	asked []string
	err   error
}

func (p *policy) allow(network string, a netip.AddrPort) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, network+" "+a.String())
	return p.err
}

// machine is a guest on a network.
type machine struct {
	*guestnet.Guest
	n   *usernet.Network
	d   *drive.Driver
	dev *net.Device
}

func newMachine(t testing.TB, cfg usernet.Config, without uint64) *machine {
	t.Helper()
	n, err := usernet.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	dev, err := net.New(net.Config{MAC: mac, MTU: usernet.DefaultMTU, Backend: n})
	if err != nil {
		t.Fatal(err)
	}
	d := drive.New(t, dev)
	g := guestnet.New(d, mac, usernet.DefaultMTU, without)
	g.Address(n.Guest().AsSlice(), 24, n.Gateway().AsSlice())
	return &machine{g, n, d, dev}
}

func full(a netip.Addr, port int) tcpip.FullAddress {
	return tcpip.FullAddress{Addr: tcpip.AddrFrom4(a.As4()), Port: uint16(port)}
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), drive.Patience)
	t.Cleanup(cancel)
	return ctx
}

// dial connects from the guest.
func (m *machine) dial(ctx context.Context, a netip.Addr, port int) (*gonet.TCPConn, error) {
	c, err := gonet.DialContextTCP(ctx, m.Stack, full(a, port), ipv4.ProtocolNumber)
	if err == nil {
		err = c.SetDeadline(time.Now().Add(drive.Patience))
	}
	return c, err
}

// client is an HTTP client in the guest.
func (m *machine) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, addr string) (stdnet.Conn, error) {
		a, err := netip.ParseAddrPort(addr)
		if err != nil {
			return nil, err
		}
		return m.dial(ctx, a.Addr(), int(a.Port()))
	}}}
}

// serve is an HTTP server on the host, that answers with what it is sent.
func serve(t testing.TB, on string) (port int) {
	t.Helper()
	l, err := stdnet.Listen("tcp4", on)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().(*stdnet.TCPAddr).Port
}

// A guest reaches an HTTP server of the host through the host's alias, with the
// offloads and without.
func TestHTTP(t *testing.T) {
	for name, without := range map[string]uint64{"offloads": 0, "no offloads": net.FeatureCSUM | net.FeatureHostTSO4, "one buffer": net.FeatureMergeable} {
		t.Run(name, func(t *testing.T) {
			var p policy
			m := newMachine(t, usernet.Config{Allow: p.allow}, without)
			port := serve(t, "127.0.0.1:0")
			want := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
			r, err := m.client().Post(fmt.Sprintf("http://%v:%d/", m.n.Host(), port), "", bytes.NewReader(want))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r.Body); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, error %v", len(got), err)
			}
			if want := fmt.Sprintf("tcp 127.0.0.1:%d", port); len(p.asked) != 1 || p.asked[0] != want {
				t.Errorf("asked %q, want %q", p.asked, want)
			}
			if s := m.dev.Stats(); s.SendDropped != 0 {
				t.Errorf("%+v", s)
			}
			if name == "offloads" && m.Largest < 4000 {
				t.Errorf("the largest packet sent was %d bytes: no segments were offloaded", m.Largest)
			}
		})
	}
}

// What the policy refuses is refused, and the host's own 127.0.0.1 is by default,
// whatever name it is given.
func TestRefused(t *testing.T) {
	port := serve(t, "127.0.0.1:0")
	closed, err := stdnet.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := closed.Addr().(*stdnet.TCPAddr).Port
	_ = closed.Close()
	never := &policy{}
	for name, c := range map[string]struct {
		cfg  usernet.Config
		to   string
		port int
	}{
		"the policy":         {usernet.Config{Allow: (&policy{err: errors.New("no")}).allow}, "192.168.127.254", port},
		"loopback":           {usernet.Config{}, "192.168.127.254", port},
		"metadata":           {usernet.Config{}, "169.254.169.254", 80},
		"private":            {usernet.Config{Allow: usernet.AllowPublic}, "10.0.0.1", 80},
		"the gateway":        {usernet.Config{Allow: never.allow}, "192.168.127.1", port},
		"nowhere":            {usernet.Config{Allow: never.allow}, "0.1.2.3", port},
		"nobody who listens": {usernet.Config{Allow: (&policy{}).allow}, "192.168.127.254", free},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, c.cfg, 0)
			start := time.Now()
			conn, err := m.dial(within(t), netip.MustParseAddr(c.to), c.port)
			if err == nil {
				t.Error("connected")
				_ = conn.Close()
			} else if !strings.Contains(err.Error(), "refused") || time.Since(start) > drive.Patience/2 {
				t.Errorf("after %v: %v", time.Since(start), err)
			}
		})
	}
	if len(never.asked) != 0 {
		t.Errorf("asked about %q", never.asked)
	}
}

// Policies are asked of the address itself.
func TestPolicies(t *testing.T) {
	for addr, want := range map[string][2]bool{ // remote, public
		"127.0.0.1": {}, "127.255.0.1": {}, "169.254.169.254": {},
		"10.1.2.3": {true, false}, "192.168.1.1": {true, false}, "8.8.8.8": {true, true},
		"100.100.100.200": {true, false}, "100.128.0.1": {true, true}, "192.0.0.192": {true, false}, "198.19.0.1": {true, false},
	} {
		a := netip.AddrPortFrom(netip.MustParseAddr(addr), 80)
		if got := [2]bool{usernet.AllowRemote("tcp", a) == nil, usernet.AllowPublic("tcp", a) == nil}; got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
}

func TestUDP(t *testing.T) {
	var p policy
	m := newMachine(t, usernet.Config{Allow: p.allow}, 0)
	host, err := stdnet.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := host.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = host.WriteTo(bytes.ToUpper(buf[:n]), from)
		}
	}()
	to := full(m.n.Host(), host.LocalAddr().(*stdnet.UDPAddr).Port)
	c, err := gonet.DialUDP(m.Stack, nil, &to, ipv4.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(drive.Patience))
	for range 10 {
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		if n, err := c.Read(buf); err != nil || string(buf[:n]) != "HELLO" {
			t.Fatalf("%q, error %v", buf[:n], err)
		}
	}
	if len(p.asked) != 1 || !strings.HasPrefix(p.asked[0], "udp 127.0.0.1:") {
		t.Errorf("asked %q", p.asked)
	}
	p.mu.Lock()
	p.err = errors.New("no")
	p.mu.Unlock()
	refused, err := gonet.DialUDP(m.Stack, nil, &to, ipv4.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	defer refused.Close()
	_, _ = refused.Write([]byte("hello"))
	_ = refused.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := refused.Read(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes from what is refused", n)
	}
}

// Names are looked up by whom the host says.
func TestDNS(t *testing.T) {
	resolve := func(_ context.Context, name string) ([]netip.Addr, error) {
		switch name {
		case "two.example":
			return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:192.0.2.2"), netip.MustParseAddr("2001:db8::1")}, nil
		case "broken.example":
			return nil, errors.New("broken")
		}
		return nil, &stdnet.DNSError{IsNotFound: true}
	}
	m := newMachine(t, usernet.Config{Resolve: resolve}, 0)
	r := &stdnet.Resolver{PreferGo: true, StrictErrors: true, Dial: func(context.Context, string, string) (stdnet.Conn, error) {
		to := full(m.n.Gateway(), 53)
		return gonet.DialUDP(m.Stack, nil, &to, ipv4.ProtocolNumber)
	}}
	got, err := r.LookupHost(within(t), "two.example.")
	if err != nil || len(got) != 2 || got[0] != "192.0.2.1" || got[1] != "192.0.2.2" {
		t.Errorf("%v, error %v", got, err)
	}
	var e *stdnet.DNSError
	if _, err := r.LookupHost(within(t), "none.example."); !errors.As(err, &e) || !e.IsNotFound {
		t.Errorf("a name that is not there: %v", err)
	}
	if _, err := r.LookupHost(within(t), "broken.example."); !errors.As(err, &e) || e.IsNotFound {
		t.Errorf("a resolver that fails: %v", err)
	}
}

// A port of the guest is reached from the host.
func TestPublish(t *testing.T) {
	m := newMachine(t, usernet.Config{MaxConns: 1}, 0)
	in, err := gonet.ListenTCP(m.Stack, full(m.n.Guest(), 80), ipv4.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := in.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.(*gonet.TCPConn).CloseWrite()
			}()
		}
	}()
	l, err := m.n.Publish("127.0.0.1:0", 80)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c, err := stdnet.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(drive.Patience))
		want := bytes.Repeat([]byte("echo"), 50<<10)
		go func() {
			_, _ = c.Write(want)
			_ = c.(*stdnet.TCPConn).CloseWrite()
		}()
		if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, error %v", len(got), err)
		}
		_ = c.Close()
	}
	c, err := m.n.DialTCP(within(t), 80)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	none, err := m.n.Publish("127.0.0.1:0", 81)
	if err != nil {
		t.Fatal(err)
	}
	refused, err := stdnet.Dial("tcp", none.Addr().String())
	if err == nil {
		_ = refused.SetDeadline(time.Now().Add(drive.Patience))
		_, err = refused.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a port on which nobody listens: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := stdnet.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("reachable after Close")
	}
}

// Connections are bounded; Close ends those that there are.
func TestMaxConns(t *testing.T) {
	var p policy
	m := newMachine(t, usernet.Config{Allow: p.allow, MaxConns: 2}, 0)
	l, err := stdnet.Listen("tcp4", "127.0.0.1:0") // never accepts
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*stdnet.TCPAddr).Port
	var conns []*gonet.TCPConn
	for range 2 {
		c, err := m.dial(within(t), m.n.Host(), port)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	if _, err := m.dial(within(t), m.n.Host(), port); err == nil {
		t.Error("a connection too many")
	}
	if err := m.n.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.n.DialTCP(t.Context(), 1); err == nil {
		t.Error("dialed a closed network")
	}
	if _, err := m.n.Publish("127.0.0.1:0", 1); err == nil {
		t.Error("published a closed network's port")
	}
	_ = conns
}

// A slot is free again once a connection is over.
func TestSlots(t *testing.T) {
	m := newMachine(t, usernet.Config{Allow: (&policy{}).allow, MaxConns: 1}, 0)
	port := serve(t, "127.0.0.1:0")
	for i := range 3 {
		var err error
		for end := time.Now().Add(drive.Patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			var r *http.Response
			if r, err = m.client().Get(fmt.Sprintf("http://%v:%d/", m.n.Host(), port)); err == nil {
				_ = r.Body.Close()
				break
			}
		}
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
}

func TestConfig(t *testing.T) {
	for want, cfg := range map[string]usernet.Config{
		"/8 to /29": {Subnet: netip.MustParsePrefix("10.0.0.0/30")},
		"IPv4":      {Subnet: netip.MustParsePrefix("fd00::/64")},
		"MTU 100":   {MTU: 100},
		"MaxConns":  {MaxConns: -1},
	} {
		if _, err := usernet.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	n, err := usernet.New(usernet.Config{Subnet: netip.MustParsePrefix("10.1.2.77/29")})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if n.Gateway().String() != "10.1.2.73" || n.Guest().String() != "10.1.2.74" || n.Host().String() != "10.1.2.78" {
		t.Errorf("%v %v %v", n.Gateway(), n.Guest(), n.Host())
	}
}

func BenchmarkGuestToHost(b *testing.B) {
	m := newMachine(b, usernet.Config{Allow: (&policy{}).allow}, 0)
	l, err := stdnet.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err == nil {
			_, _ = io.Copy(io.Discard, c)
		}
	}()
	c, err := m.dial(context.Background(), m.n.Host(), l.Addr().(*stdnet.TCPAddr).Port)
	if err != nil {
		b.Fatal(err)
	}
	_ = c.SetDeadline(time.Time{})
	p := make([]byte, 64<<10)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if _, err := c.Write(p); err != nil {
			b.Fatal(err)
		}
	}
	_ = c.Close()
	<-done
}
