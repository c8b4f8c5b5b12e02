package tap_test

import (
	"bytes"
	"io"
	stdnet "net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"

	"linuxkvm/virtio/internal/drive"
	"linuxkvm/virtio/net"
	"linuxkvm/virtio/net/internal/guestnet"
	"linuxkvm/virtio/net/tap"
)

var (
	mac   = stdnet.HardwareAddr{2, 0, 0, 0, 0, 7}
	host  = stdnet.IPv4(10, 9, 8, 1)
	guest = stdnet.IPv4(10, 9, 8, 2)
)

// needRoot gives the test a network of its own, on a thread that ends with it.
func needRoot(t *testing.T) {
	t.Helper()
	skip := t.Skipf
	if os.Getenv("KVM_TEST_REQUIRE") == "1" {
		skip = t.Fatalf
	}
	if os.Geteuid() != 0 {
		skip("needs root to make an interface: run the test with sudo")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		skip("needs TUN (modprobe tun): %v", err)
	}
	runtime.LockOSThread() // and never unlocks: the thread is of no use to others
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		skip("needs a network namespace (CAP_SYS_ADMIN): %v", err)
	}
}

// open makes an interface with the host's address.
func open(t *testing.T) *tap.TAP {
	t.Helper()
	tp, err := tap.Open(tap.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tp.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	setAddr(t, s, tp.Name(), unix.SIOCSIFADDR, host)
	setAddr(t, s, tp.Name(), unix.SIOCSIFNETMASK, stdnet.IPv4(255, 255, 255, 0))
	return tp
}

func setAddr(t *testing.T, s int, name string, req uint, ip stdnet.IP) {
	t.Helper()
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := ifr.SetInet4Addr(ip.To4()); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlIfreq(s, req, ifr); err != nil {
		t.Fatal(err)
	}
}

// A guest talks TCP to a socket of the host, both ways, with the offloads and without.
func TestTCP(t *testing.T) {
	for name, without := range map[string]uint64{
		"offloads":                   0,
		"no offloads":                net.FeatureCSUM | net.FeatureGuestCSUM | net.FeatureHostTSO4 | net.FeatureGuestTSO4,
		"segments to the guest only": net.FeatureHostTSO4,
	} {
		t.Run(name, func(t *testing.T) {
			needRoot(t)
			tp := open(t)
			dev, err := net.New(net.Config{MAC: mac, MTU: 1500, Backend: tp})
			if err != nil {
				t.Fatal(err)
			}
			d := drive.New(t, dev)
			g := guestnet.New(d, mac, 1500, without)
			g.Address(guest, 24, nil)
			l, err := stdnet.Listen("tcp4", host.String()+":0") // on this thread, in its namespace
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
			c, err := gonet.DialTCPWithBind(t.Context(), g.Stack, tcpip.FullAddress{},
				tcpip.FullAddress{Addr: tcpip.AddrFrom4Slice(host.To4()), Port: uint16(l.Addr().(*stdnet.TCPAddr).Port)}, ipv4.ProtocolNumber)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.SetDeadline(time.Now().Add(drive.Patience)); err != nil {
				t.Fatal(err)
			}
			want := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
			go func() {
				_, _ = c.Write(want)
				_ = c.CloseWrite()
			}()
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes, error %v", len(got), err)
			}
			if s := dev.Stats(); s.SendDropped != 0 {
				t.Errorf("%+v", s)
			}
			if name == "offloads" && g.Largest < 4000 {
				t.Errorf("the largest packet sent was %d bytes: no segments were offloaded", g.Largest)
			}
			_ = c.Close()
		})
	}
}

// The sessions of a device end while a packet is waited for, and the next ones work.
func TestSessions(t *testing.T) {
	needRoot(t)
	tp := open(t)
	dev, err := net.New(net.Config{MAC: mac, Backend: tp})
	if err != nil {
		t.Fatal(err)
	}
	d := drive.New(t, dev)
	for range 20 {
		d.Start(0)
		q := d.Queue(0)
		q.Add(d.In(2000))
		q.Kick()
		// Who has the host's address?
		arp := append(bytes.Repeat([]byte{0xff}, 6), mac...)
		arp = append(arp, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
		arp = append(append(arp, mac...), guest.To4()...)
		arp = append(append(arp, 0, 0, 0, 0, 0, 0), host.To4()...)
		d.Queue(1).Do(append(make([]byte, net.HeaderSize), arp...), 0)
		if _, n := q.WaitUsed(); n < net.HeaderSize+42 {
			t.Fatalf("an answer of %d bytes", n)
		}
		d.Start(0)
	}
}

func TestErrors(t *testing.T) {
	needRoot(t)
	first, err := tap.Open(tap.Config{Name: "vmtest"})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if first.Name() != "vmtest" {
		t.Errorf("name %q", first.Name())
	}
	for name, want := range map[string]string{"vmtest": "another machine has it", strings.Repeat("x", 16): "invalid argument"} {
		if tp, err := tap.Open(tap.Config{Name: name}); err == nil {
			t.Errorf("%s: no error", name)
			tp.Close()
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// Without privilege the error says what to do. The test is its own child, as nobody.
func TestUnprivileged(t *testing.T) {
	if os.Getenv("TAP_TEST_CHILD") != "" {
		_, err := tap.Open(tap.Config{})
		t.Log(err)
		return
	}
	needRoot(t)
	exe, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "tap")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/test", exe, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(dir+"/test", "-test.run=^TestUnprivileged$", "-test.v")
	c.Dir = dir
	c.Env = append(os.Environ(), "TAP_TEST_CHILD=1", "HOME="+dir)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := c.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("ip tuntap add")) {
		t.Errorf("%v: %s", err, out)
	}
}
