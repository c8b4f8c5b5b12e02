package usernet_test

import (
	"bytes"
	"context"
	"encoding/binary"
	stdnet "net"
	"net/netip"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/header"

	"linuxkvm/virtio/internal/drive"
	"linuxkvm/virtio/net"
	"linuxkvm/virtio/net/usernet"
)

// alone is a network without a device: the test is the guest.
func alone(t testing.TB, cfg usernet.Config) *usernet.Network {
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
	if err := n.Start(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return n
}

// packet is an IPv4 packet of a guest with its headers.
func packet(proto uint8, src, dst string, payload []byte) []byte {
	p := make([]byte, net.HeaderSize+header.EthernetMinimumSize+header.IPv4MinimumSize)
	eth := header.Ethernet(p[net.HeaderSize:])
	eth.Encode(&header.EthernetFields{SrcAddr: "\x02\x00\x00\x00\x00\x07", DstAddr: header.EthernetBroadcastAddress, Type: header.IPv4ProtocolNumber})
	p = append(p, payload...)
	ip := header.IPv4(p[net.HeaderSize+header.EthernetMinimumSize:])
	ip.Encode(&header.IPv4Fields{
		TotalLength: uint16(len(ip)), TTL: 64, Protocol: proto,
		SrcAddr: full(netip.MustParseAddr(src), 0).Addr, DstAddr: full(netip.MustParseAddr(dst), 0).Addr,
	})
	ip.SetChecksum(^ip.CalculateChecksum())
	return p
}

func udp(from, to uint16, data []byte) []byte {
	b := make([]byte, header.UDPMinimumSize)
	header.UDP(b).Encode(&header.UDPFields{SrcPort: from, DstPort: to, Length: uint16(len(b) + len(data))})
	return append(b, data...)
}

// discover is a DHCP message of a kind, with more options.
func discover(kind byte, options ...byte) []byte {
	m := make([]byte, 236)
	copy(m, []byte{1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef})
	copy(m[28:], mac)
	m = append(m, 99, 130, 83, 99, 0, 53, 1, kind)
	return append(append(m, options...), 255)
}

// recv reads a packet of the network, nil if there is none.
func recv(n *usernet.Network, patience time.Duration) []byte {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	got := make(chan []byte)
	go func() {
		p := make([]byte, net.MaxPacket)
		k, err := n.ReadPacketContext(ctx, p)
		if err != nil {
			k = 0
		}
		got <- p[:k]
	}()
	return <-got
}

// The guest gets its address by DHCP, and no other.
func TestDHCP(t *testing.T) {
	guest := []byte{192, 168, 127, 2}
	for name, c := range map[string]struct {
		message []byte
		answer  byte // 0 for none
	}{
		"discover":            {discover(1), 2},
		"request":             {discover(3, append([]byte{50, 4}, guest...)...), 5},
		"request of another":  {discover(3, 50, 4, 192, 168, 127, 3), 6},
		"request of nothing":  {discover(3), 6},
		"inform":              {discover(8), 5},
		"release":             {discover(7), 0},
		"an offer":            {discover(2), 0},
		"no message":          {discover(1)[:240], 0},
		"no cookie":           {discover(1)[:239], 0},
		"nothing":             {nil, 0},
		"an option cut short": {append(discover(1)[:240], 12, 200, 53, 1, 1), 0},
		"a reply":             {append([]byte{2}, discover(1)[1:]...), 0},
	} {
		t.Run(name, func(t *testing.T) {
			n := alone(t, usernet.Config{})
			if err := n.WritePacket(packet(17, "0.0.0.0", "255.255.255.255", udp(68, 67, c.message))); err != nil {
				t.Fatal(err)
			}
			patience := drive.Patience
			if c.answer == 0 {
				patience = 20 * time.Millisecond
			}
			p := recv(n, patience)
			if c.answer == 0 {
				if len(p) != 0 {
					t.Errorf("an answer: %x", p)
				}
				return
			}
			checkDHCP(t, p, c.answer)
		})
	}
}

func checkDHCP(t *testing.T, p []byte, kind byte) {
	t.Helper()
	if len(p) < net.HeaderSize+42+300 {
		t.Fatalf("an answer of %d bytes", len(p))
	}
	frame := p[net.HeaderSize:]
	if !bytes.Equal(frame[:6], mac) {
		t.Errorf("for %x", frame[:6])
	}
	ip := header.IPv4(frame[14:])
	u := header.UDP(ip.Payload())
	if !ip.IsChecksumValid() || !u.IsChecksumValid(ip.SourceAddress(), ip.DestinationAddress(), sum(u.Payload())) {
		t.Error("a checksum is wrong")
	}
	m := u.Payload()
	if u.DestinationPort() != 68 || m[0] != 2 || binary.BigEndian.Uint32(m[4:]) != 0xdeadbeef {
		t.Errorf("port %d, %x", u.DestinationPort(), m[:8])
	}
	if m[242] != kind {
		t.Errorf("message %d, want %d", m[242], kind)
	}
	if want := []byte{192, 168, 127, 2}; kind != 6 && !bytes.Equal(m[16:20], want) {
		t.Errorf("address %v", m[16:20])
	}
	for _, option := range [][]byte{{1, 4, 255, 255, 255, 0}, {3, 4, 192, 168, 127, 1}, {6, 4, 192, 168, 127, 1}, {26, 2, 0xff, 0xf0}} {
		if has := bytes.Contains(m[240:], option); has != (kind != 6) {
			t.Errorf("option %v: %v", option, has)
		}
	}
}

func sum(b []byte) (v uint16) {
	var s uint32
	for i, c := range b {
		if i%2 == 0 {
			s += uint32(c) << 8
		} else {
			s += uint32(c)
		}
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// The gateway answers ARP for itself and the host's alias only, and echoes for itself.
func TestImpersonation(t *testing.T) {
	for to, want := range map[string]bool{"192.168.127.1": true, "192.168.127.254": true, "192.168.127.2": false, "192.168.127.9": false} {
		n := alone(t, usernet.Config{})
		ask := make([]byte, net.HeaderSize)
		ask = append(ask, bytes.Repeat([]byte{0xff}, 6)...)
		ask = append(append(ask, mac...), 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
		ask = append(append(ask, mac...), 192, 168, 127, 2, 0, 0, 0, 0, 0, 0)
		ask = append(ask, netip.MustParseAddr(to).AsSlice()...)
		checkAnswer(t, n, "ARP for "+to, ask, want)
	}
	for to, want := range map[string]bool{"192.168.127.1": true, "8.8.8.8": false} {
		n := alone(t, usernet.Config{})
		echo := []byte{8, 0, 0xf7, 0xfd, 0, 1, 0, 1}
		p := packet(1, "192.168.127.2", to, echo)
		copy(p[net.HeaderSize:], "\x5a\x94\xef\xe4\x0c\xdd")
		checkAnswer(t, n, "an echo of "+to, p, want)
	}
}

func checkAnswer(t *testing.T, n *usernet.Network, what string, p []byte, want bool) {
	t.Helper()
	if err := n.WritePacket(p); err != nil {
		t.Fatal(err)
	}
	patience := 50 * time.Millisecond
	if want {
		patience = drive.Patience
	}
	if got := recv(n, patience); (len(got) != 0) != want {
		t.Errorf("%s: answer %x, want one: %v", what, got, want)
	}
}

// A guest that sends and reads nothing fills a queue of bounded size, and no more.
func TestFlood(t *testing.T) {
	n := alone(t, usernet.Config{})
	p := packet(17, "0.0.0.0", "255.255.255.255", udp(68, 67, discover(1)))
	for range 5000 {
		if err := n.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}
	got := 0
	for len(recv(n, 20*time.Millisecond)) != 0 {
		got++
	}
	if got == 0 || got > 1024 {
		t.Errorf("%d packets waited", got)
	}
}

// A guest that does not complete its connections keeps Close from nothing.
func TestHandshakes(t *testing.T) {
	l, err := stdnet.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	asked := make(chan struct{}, 1000)
	n := alone(t, usernet.Config{Allow: func(string, netip.AddrPort) error { asked <- struct{}{}; return nil }})
	for i := range uint16(300) {
		syn := []byte{4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 255, 255, 0, 0, 0, 0}
		binary.BigEndian.PutUint16(syn, 1024+i)
		binary.BigEndian.PutUint16(syn[2:], uint16(l.Addr().(*stdnet.TCPAddr).Port))
		if err := n.WritePacket(packet(6, "192.168.127.2", n.Host().String(), syn)); err != nil {
			t.Fatal(err)
		}
	}
	<-asked
	time.Sleep(100 * time.Millisecond)
	if len(asked) == 0 || len(asked) > 128 {
		t.Errorf("%d connections at a time", len(asked)+1)
	}
	start := time.Now()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("Close took %v", d)
	}
}

// FuzzFrames is a guest that sends what it likes.
func FuzzFrames(f *testing.F) {
	f.Add(packet(17, "0.0.0.0", "255.255.255.255", udp(68, 67, discover(1)))[net.HeaderSize:])
	f.Add(packet(17, "192.168.127.2", "192.168.127.1", udp(1000, 53, []byte("\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01")))[net.HeaderSize:])
	f.Add(packet(6, "192.168.127.2", "1.2.3.4", []byte{0, 80, 0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 1, 0, 0, 0, 0, 0})[net.HeaderSize:])
	f.Add(packet(1, "192.168.127.2", "192.168.127.1", []byte{8, 0, 0xf7, 0xfd, 0, 1, 0, 1})[net.HeaderSize:])
	refuse := &policy{err: context.Canceled}
	n := alone(f, usernet.Config{Allow: refuse.allow, Resolve: func(context.Context, string) ([]netip.Addr, error) { return nil, nil }})
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) < header.EthernetMinimumSize || len(frame) > net.MaxPacket-net.HeaderSize {
			return // the device passes on no others
		}
		if err := n.WritePacket(append(make([]byte, net.HeaderSize), frame...)); err != nil {
			t.Error(err)
		}
		for len(recv(n, time.Microsecond)) != 0 {
			continue
		}
	})
}
