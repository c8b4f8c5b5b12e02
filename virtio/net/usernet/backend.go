package usernet

import (
	"context"
	"errors"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"linuxkvm/virtio/net"
)

var _ net.Backend = (*Network)(nil)

var errClosed = errors.New("usernet: network closed")

// Features implements net.Backend: of what the guest sends, checksums are not looked
// at, and TCP segments may be as large as IP packets.
func (*Network) Features() uint64 { return net.FeatureCSUM | net.FeatureHostTSO4 }

// Start implements net.Backend.
func (n *Network) Start(ctx context.Context, _ uint64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return errClosed
	}
	n.out.drain() // is for a guest that is gone
	n.session = ctx
	return nil
}

// ReadPacket implements net.Backend.
func (n *Network) ReadPacket(p []byte) (int, error) {
	n.mu.Lock()
	session := n.session
	n.mu.Unlock()
	for {
		pkt := n.out.take(session)
		if pkt == nil {
			return 0, errClosed
		}
		clear(p[:net.HeaderSize])
		size := net.HeaderSize
		for _, b := range pkt.AsSlices() {
			size += copy(p[size:], b)
		}
		pkt.DecRef()
		if !n.pretends(p[net.HeaderSize:size]) {
			return size, nil
		}
	}
}

// pretends says whether a frame is an answer to ARP for an address that is not ours:
// the stack, which takes packets for everybody, gives such answers. The guest would
// think that its own address is taken.
func (n *Network) pretends(frame []byte) bool {
	if len(frame) < header.EthernetMinimumSize || header.Ethernet(frame).Type() != header.ARPProtocolNumber {
		return false
	}
	a := header.ARP(frame[header.EthernetMinimumSize:])
	if !a.IsValid() || a.Op() != header.ARPReply {
		return false
	}
	of := tcpip.AddrFromSlice(a.ProtocolAddressSender())
	return of != address(n.gateway) && of != address(n.host)
}

// WritePacket implements net.Backend.
func (n *Network) WritePacket(p []byte) error {
	frame := p[net.HeaderSize:]
	if ip := ipv4Of(frame); ip != nil {
		if taken := n.dhcp(frame, ip); taken || n.isForeignEcho(ip) {
			return nil
		}
	}
	n.mu.Lock()
	closed := n.closed
	n.mu.Unlock()
	if closed {
		return errClosed
	}
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)}) // copies
	defer pkt.DecRef()
	n.link.InjectInbound(0, pkt)
	return nil
}

// ipv4Of returns the IPv4 packet of a frame, nil if there is none.
func ipv4Of(frame []byte) header.IPv4 {
	if header.Ethernet(frame).Type() != header.IPv4ProtocolNumber {
		return nil
	}
	ip := header.IPv4(frame[header.EthernetMinimumSize:])
	if !ip.IsValid(len(ip)) {
		return nil
	}
	return ip[:ip.TotalLength()]
}

// isForeignEcho says whether a packet is ICMP for others than the gateway, in whose
// name it would be answered.
func (n *Network) isForeignEcho(ip header.IPv4) bool {
	return ip.TransportProtocol() == header.ICMPv4ProtocolNumber && ip.DestinationAddress() != address(n.gateway)
}
