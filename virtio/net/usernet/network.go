package usernet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/link/ethernet"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

// Network is a network with one guest: a net.Backend. It is safe for concurrent use.
type Network struct {
	cfg                  Config
	gateway, guest, host netip.Addr

	stack *stack.Stack
	link  *channel.Endpoint
	out   outbound // what comes out of link

	ctx     context.Context // until Close
	cancel  context.CancelFunc
	running sync.WaitGroup
	tcpSlot chan struct{}
	udpSlot chan struct{}
	flows   flows

	mu      sync.Mutex
	closed  bool
	session context.Context
}

const (
	nic = 1
	// queued bytes wait for the guest, in so many packets at most; more are dropped.
	queued        = 8 << 20
	queuedPackets = 1024
	// maxHandshakes bounds the connections that are being made.
	maxHandshakes = 128
	// bufferSize is what a connection may have waiting in each direction.
	bufferSize = 512 << 10
)

// gatewayMAC is of the range for whoever wants one.
const gatewayMAC = tcpip.LinkAddress("\x5a\x94\xef\xe4\x0c\xdd")

// New makes a network.
func New(cfg Config) (*Network, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	n := &Network{cfg: cfg, tcpSlot: make(chan struct{}, cfg.MaxConns), udpSlot: make(chan struct{}, cfg.MaxConns)}
	n.gateway = cfg.Subnet.Addr().Next()
	n.guest = n.gateway.Next()
	n.host = lastOf(cfg.Subnet).Prev()
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.session = n.ctx
	if err := n.setUp(); err != nil {
		return nil, errors.Join(fmt.Errorf("usernet: %w", err), n.Close())
	}
	return n, nil
}

// lastOf is the broadcast address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	a := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a)
}

// Gateway is the address of the gateway, which is also the DNS server's.
func (n *Network) Gateway() netip.Addr { return n.gateway }

// Guest is the address that the guest gets.
func (n *Network) Guest() netip.Addr { return n.guest }

// Host is the address by which the guest reaches the host's 127.0.0.1, if it may.
func (n *Network) Host() netip.Addr { return n.host }

func (n *Network) setUp() error {
	// The guest may leave checksums to us: what comes through memory is right.
	n.link = channel.New(min(queued/n.cfg.MTU, queuedPackets), uint32(n.cfg.MTU)+header.EthernetMinimumSize, gatewayMAC)
	n.link.LinkEPCapabilities = stack.CapabilityRXChecksumOffload
	n.out.link = n.link
	n.stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4},
	})
	if err := n.setOptions(); err != nil {
		return errors.New(err.String())
	}
	if err := n.addAddress(); err != nil {
		return errors.New(err.String())
	}
	n.stack.SetTransportProtocolHandler(tcp.ProtocolNumber, tcp.NewForwarder(n.stack, 0, maxHandshakes, n.forwardTCP).HandlePacket)
	n.stack.SetTransportProtocolHandler(udp.ProtocolNumber, udp.NewForwarder(n.stack, n.forwardUDP).HandlePacket)
	return n.serveDNS()
}

// setOptions bounds what a connection can take, and for how long after its end.
func (n *Network) setOptions() tcpip.Error {
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: 4096, Default: bufferSize, Max: bufferSize}
	send := tcpip.TCPSendBufferSizeRangeOption{Min: 4096, Default: bufferSize, Max: bufferSize}
	sack := tcpip.TCPSACKEnabled(true)
	wait := tcpip.TCPTimeWaitTimeoutOption(timeWait)
	for _, o := range []tcpip.SettableTransportProtocolOption{&receive, &send, &sack, &wait} {
		if err := n.stack.SetTransportProtocolOption(tcp.ProtocolNumber, o); err != nil {
			return err
		}
	}
	return nil
}

// addAddress makes the gateway, which takes packets for everybody.
func (n *Network) addAddress() tcpip.Error {
	if err := n.stack.CreateNIC(nic, ethernet.New(n.link)); err != nil {
		return err
	}
	own := tcpip.ProtocolAddress{
		Protocol:          ipv4.ProtocolNumber,
		AddressWithPrefix: tcpip.AddressWithPrefix{Address: address(n.gateway), PrefixLen: n.cfg.Subnet.Bits()},
	}
	if err := n.stack.AddProtocolAddress(nic, own, stack.AddressProperties{}); err != nil {
		return err
	}
	if err := n.stack.SetSpoofing(nic, true); err != nil {
		return err
	}
	n.stack.SetRouteTable([]tcpip.Route{{Destination: own.AddressWithPrefix.Subnet(), NIC: nic}})
	return n.stack.SetPromiscuousMode(nic, true)
}

func address(a netip.Addr) tcpip.Address { return tcpip.AddrFrom4(a.As4()) }

// addrPort is the opposite, with a port.
func addrPort(a tcpip.Address, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(a.As4()), port)
}

// run runs f on a goroutine that Close waits for; false after Close.
func (n *Network) run(f func()) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.running.Go(f)
	return true
}

// Close ends all connections and listeners.
func (n *Network) Close() error {
	n.mu.Lock()
	first := !n.closed
	n.closed = true
	n.mu.Unlock()
	if first {
		n.cancel()
		n.abort()
		n.link.Close()
		n.stack.Destroy()
	}
	return nil
}

// abort waits for all goroutines. One may be in a handshake, which only the end of its
// endpoint ends, and another about to begin one.
func (n *Network) abort() {
	done := make(chan struct{})
	go func() { n.running.Wait(); close(done) }()
	for {
		n.stack.Close()
		select {
		case <-done:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}
