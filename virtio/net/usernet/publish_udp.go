package usernet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
)

// slowGuest is how long a datagram waits for room on its way to the guest. It is short:
// those of other senders wait behind it.
const slowGuest = 50 * time.Millisecond

// PublishUDP makes a UDP port of the guest reachable at an address of the host, such as
// "127.0.0.1:5353", or with port 0 at any that is free. The guest sees each sender as a
// port of the gateway, until there has been nothing from either side for a minute.
// Senders count towards MaxConns, and the datagrams of those beyond it are lost.
// Closing the connection ends it; its LocalAddr is the address; nobody else is to read
// from it.
func (n *Network) PublishUDP(hostAddr string, guestPort uint16) (net.PacketConn, error) {
	l, err := net.ListenPacket("udp", hostAddr)
	if err != nil {
		return nil, err
	}
	p := &publishedUDP{network: n, conn: l.(*net.UDPConn), port: guestPort, senders: make(map[netip.AddrPort]*sender)}
	stop := context.AfterFunc(n.ctx, func() { _ = l.Close() })
	if !n.run(func() {
		defer stop()
		p.serve()
	}) {
		return nil, errors.Join(errClosed, l.Close())
	}
	return l, nil
}

// publishedUDP is a socket of the host for a port of the guest.
type publishedUDP struct {
	network *Network
	conn    *net.UDPConn
	port    uint16

	mu      sync.Mutex
	senders map[netip.AddrPort]*sender
}

// sender is what the guest sees of somebody who sends to the port.
type sender struct {
	guest *gonet.UDPConn
	idle  *time.Timer
}

// serve passes datagrams on to the guest until the socket is closed.
func (p *publishedUDP) serve() {
	defer p.end()
	buf := make([]byte, 64<<10)
	for {
		k, from, err := p.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // no memory, for instance
			continue
		}
		s := p.sender(from)
		if s == nil {
			continue
		}
		s.idle.Reset(idleTime)
		// Lost, as datagrams may be.
		_ = s.guest.SetWriteDeadline(time.Now().Add(slowGuest))
		_, _ = s.guest.Write(buf[:k])
	}
}

// sender finds a sender, or makes one; nil if there are too many.
func (p *publishedUDP) sender(from netip.AddrPort) *sender {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.senders[from]; s != nil {
		return s
	}
	n := p.network
	select {
	case n.udpSlot <- struct{}{}:
	default:
		return nil
	}
	guest, err := gonet.DialUDP(n.stack, &tcpip.FullAddress{NIC: nic, Addr: address(n.gateway)},
		&tcpip.FullAddress{NIC: nic, Addr: address(n.guest), Port: p.port}, ipv4.ProtocolNumber)
	if err != nil {
		<-n.udpSlot
		return nil
	}
	s := &sender{guest: guest, idle: time.AfterFunc(idleTime, func() { kill(guest) })}
	p.senders[from] = s
	n.running.Go(func() {
		defer func() { <-n.udpSlot }()
		p.answers(from, s)
	})
	return s
}

// answers passes on what the guest sends back. It ends with the sender's time, and when
// the guest says that nobody has the port: the next datagram begins anew.
func (p *publishedUDP) answers(to netip.AddrPort, s *sender) {
	defer func() {
		p.mu.Lock()
		delete(p.senders, to)
		p.mu.Unlock()
		s.idle.Stop()
		kill(s.guest)
	}()
	buf := make([]byte, 64<<10)
	for {
		k, err := s.guest.Read(buf)
		if err != nil {
			return
		}
		s.idle.Reset(idleTime)
		_, _ = p.conn.WriteToUDPAddrPort(buf[:k], to) // lost, as datagrams may be
	}
}

// end ends all senders.
func (p *publishedUDP) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.senders {
		kill(s.guest)
	}
}
