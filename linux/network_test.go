package linux

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"linuxkvm/virtio/net/tap"
	"linuxkvm/virtio/net/usernet"
)

// networkCommand is what guests do with their network.
func networkCommand(args []string) error {
	switch args[0] {
	case "exchange": // a line with a server
		return exchange(args[1], args[2], os.Stdout)
	case "bulk": // to a server that sends all of it back
		return bulk(args[1])
	case "many":
		return manyConnections(args[1])
	case "serve":
		return serveLines(args[1])
	case "serve-udp":
		return serveDatagrams(args[1])
	case "lookup":
		list, err := net.LookupHost(args[1])
		fmt.Print(strings.Join(list, " "))
		return err
	case "flood":
		return flood(args[1])
	default:
		return deviceCommand(args)
	}
}

// exchange sends a line and prints what comes back.
func exchange(network, addr string, out io.Writer) error {
	conn, err := net.DialTimeout(network, addr, time.Minute)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "from the guest\n"); err != nil {
		return err
	}
	b := make([]byte, 100)
	n, err := conn.Read(b)
	if err == nil {
		_, err = out.Write(b[:n])
	}
	return err
}

// bulkSize is more than all buffers on the way have room for.
const bulkSize = 4 << 20

func bulk(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	sent, received := sha256.New(), sha256.New()
	go func() {
		_, _ = io.CopyN(io.MultiWriter(conn, sent), endless{}, bulkSize) // what is missing is missed
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	n, err := io.Copy(received, conn)
	if err != nil {
		return err
	}
	if n != bulkSize || !bytes.Equal(sent.Sum(nil), received.Sum(nil)) {
		return fmt.Errorf("%d bytes came back, or others, of %d", n, bulkSize)
	}
	return nil
}

// manyConnections makes many at once.
func manyConnections(addr string) error {
	var all sync.WaitGroup
	errs := make(chan error, 100)
	for range cap(errs) {
		all.Go(func() { errs <- exchange("tcp", addr, io.Discard) })
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func serveLines(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	return answer(l)
}

// answer answers each connection with what it says.
func answer(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			_, _ = io.Copy(conn, conn) // until the other side ends
		}()
	}
}

// flood sends datagrams for as long as it can.
func flood(addr string) error {
	conn, err := net.Dial("udp", addr)
	if err != nil {
		return err
	}
	for {
		_, _ = conn.Write(make([]byte, 1400)) // lost or not
	}
}

// echoServers answer on the host; they end with the test.
func echoServers(t *testing.T) (tcp, udp netip.AddrPort) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = l.Close(), p.Close() })
	go func() { _ = answer(l) }()
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = p.WriteTo(b[:n], from)
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String()), netip.MustParseAddrPort(p.LocalAddr().String())
}

// The guest reaches what it may of the host's network, and the host the guest.
func TestUserNetwork(t *testing.T) {
	kernel := oneKernel(t)
	tcp, udp := echoServers(t)
	allow := func(network string, addr netip.AddrPort) error {
		if addr == tcp && network == "tcp" || addr == udp && network == "udp" {
			return nil
		}
		return errors.New("not one of the test's")
	}
	resolve := func(_ context.Context, name string) ([]netip.Addr, error) {
		if name != "server.test." && name != "server.test" {
			return nil, &net.DNSError{Err: "none", Name: name, IsNotFound: true}
		}
		return []netip.Addr{netip.MustParseAddr("192.0.2.7")}, nil
	}
	vm := startGuest(t, Config{Kernel: kernel, Memory: 256 << 20, CPUs: 2, Network: UserNetwork{
		Config:  usernet.Config{Allow: allow, Resolve: resolve},
		Publish: []Port{{Host: "127.0.0.1:0", Guest: 7001}},
	}})
	host := vm.user.Host().String()
	at := func(a netip.AddrPort) string { return net.JoinHostPort(host, fmt.Sprint(a.Port())) }
	wantTool(t, vm, "from the guest\n", true, "exchange", "tcp", at(tcp))
	wantTool(t, vm, "from the guest\n", true, "exchange", "udp", at(udp))
	wantTool(t, vm, "ECONNREFUSED", false, "exchange", "tcp", host+":1")
	wantTool(t, vm, "192.0.2.7", true, "lookup", "server.test")
	wantTool(t, vm, "", false, "lookup", "nowhere.test")
	wantTool(t, vm, "", true, "bulk", at(tcp))
	wantTool(t, vm, "", true, "many", at(tcp))
	testPublished(t, vm)
	testFlood(t, vm, at(udp))
}

// testPublished reaches a server of the guest.
func testPublished(t *testing.T, vm *VM) {
	l, err := vm.Publish("127.0.0.1:0", 7000)
	if err != nil {
		t.Fatal(err)
	}
	c := vm.Command(t.Context(), "/init", guestArg, "serve", ":7000")
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
	var got bytes.Buffer
	if err := exchange("tcp", l.Addr().String(), &got); err != nil || got.String() != "from the guest\n" {
		t.Errorf("through the published port: %q, %v", &got, err)
	}
	conn, err := vm.DialTCP(t.Context(), 7000)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := exchange("tcp", l.Addr().String(), &got); err == nil {
		t.Error("a port that is not published any more is there")
	}
}

// testFlood: what a guest sends without measure is lost, and takes no memory.
func testFlood(t *testing.T, vm *VM, to string) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	before := heap()
	if _, err := tool(ctx, vm, "flood", to); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("flood: %v", err)
	}
	if after := heap(); after > before+64<<20 {
		t.Errorf("the heap has %d MiB, %d before", after>>20, before>>20)
	}
	wantTool(t, vm, "", true, "commit", "/tmp/file", "well")
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A VM that is closed while connections are open leaves none, and no port.
func TestNetworkIsClosedWithTheGuest(t *testing.T) {
	kernel := oneKernel(t)
	tcp, _ := echoServers(t)
	files, routines := openFiles(t), runtime.NumGoroutine()
	vm, err := start(t, Config{Kernel: kernel, Memory: 256 << 20, Network: UserNetwork{
		Config: usernet.Config{Allow: func(string, netip.AddrPort) error { return nil }},
	}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := vm.Publish("127.0.0.1:0", 7000)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := tool(t.Context(), vm, "bulk", net.JoinHostPort(vm.user.Host().String(), fmt.Sprint(tcp.Port())))
		ended <- err
	}()
	time.Sleep(time.Second) // it sends, or is about to
	if err := vm.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Logf("the command: %v", err)
	}
	if conn, err := net.Dial("tcp", l.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("the published port outlives the VM")
	}
	if !waitFor(func() bool { return openFiles(t) <= files && runtime.NumGoroutine() <= routines+2 }) {
		t.Errorf("%d descriptors and %d goroutines, %d and %d before", openFiles(t), runtime.NumGoroutine(), files, routines)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// With an interface of the host's kernel the guest is a machine on a cable.
func TestTAPNetwork(t *testing.T) {
	kernel := oneKernel(t)
	probe, err := tap.Open(tap.Config{})
	if err != nil && os.Getenv("KVM_TEST_REQUIRE") == "1" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skipf("needs a TAP interface, that is root and a kernel with tun: %v", err)
	}
	if err := probe.Close(); err != nil {
		t.Fatal(err)
	}
	vm := startGuest(t, Config{Kernel: kernel, Memory: 256 << 20, Network: TAPNetwork{
		Config: tap.Config{Name: "vmtest0"}, Address: netip.MustParsePrefix("192.0.2.2/24"),
	}})
	hostAddress(t, "vmtest0", "192.0.2.1/24")
	c := vm.Command(t.Context(), "/init", guestArg, "serve", ":7000")
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
	var got bytes.Buffer
	if err := exchange("tcp", "192.0.2.2:7000", &got); err != nil || got.String() != "from the guest\n" {
		t.Errorf("over the cable: %q, %v", &got, err)
	}
}

// hostAddress gives an interface of the host an address.
func hostAddress(t *testing.T, name, cidr string) {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := netlink.ParseAddr(cidr)
	if err == nil {
		err = netlink.AddrAdd(link, addr)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What cannot be is refused, by name.
func TestNetworkRefusals(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	takenUDP, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer takenUDP.Close()
	addr := taken.Addr().String()
	for name, c := range map[string]struct {
		network Network
		say     string
	}{
		"port in use":     {UserNetwork{Publish: []Port{{Host: addr, Guest: 80}}}, addr},
		"UDP port in use": {UserNetwork{Publish: []Port{{Host: takenUDP.LocalAddr().String(), Guest: 80, Protocol: "udp"}}}, takenUDP.LocalAddr().String()},
		"protocol":        {UserNetwork{Publish: []Port{{Host: "127.0.0.1:0", Guest: 80, Protocol: "sctp"}}}, `"sctp": want tcp or udp`},
		"no address":      {UserNetwork{Publish: []Port{{Host: "nowhere", Guest: 80}}}, "nowhere"},
		"subnet":          {UserNetwork{Config: usernet.Config{Subnet: netip.MustParsePrefix("192.0.2.0/31")}}, "192.0.2.0/31"},
	} {
		before := openFiles(t)
		cfg := Config{Kernel: Kernel{Image: "none"}, Network: c.network}
		if _, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v, want it to say %s", name, err, c.say)
		}
		if after := openFiles(t); after > before {
			t.Errorf("%s: %d descriptors, %d before", name, after, before)
		}
	}
}
