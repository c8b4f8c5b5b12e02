package usernet

import (
	"bytes"
	"encoding/binary"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// DHCP (RFC 2131 and 2132), for one guest that always gets the same address. It has
// no state, so a guest has nothing to exhaust.
const (
	dhcpServerPort = 67
	dhcpClientPort = 68
	dhcpFixed      = 236 // bytes before the cookie
	dhcpRequest    = 1   // of op, from a client
	dhcpReply      = 2

	dhcpDiscover = 1 // messages
	dhcpOffer    = 2
	dhcpAsk      = 3
	dhcpAck      = 5
	dhcpNak      = 6
	dhcpInform   = 8

	optionMask      = 1
	optionRouter    = 3
	optionDNS       = 6
	optionMTU       = 26
	optionRequested = 50
	optionLease     = 51
	optionMessage   = 53
	optionServer    = 54
	optionEnd       = 255
	leaseSeconds    = 86400
)

var dhcpCookie = []byte{99, 130, 83, 99}

// dhcp answers a packet to a DHCP server; taken says that it was one.
func (n *Network) dhcp(frame []byte, ip header.IPv4) (taken bool) {
	if ip.TransportProtocol() != header.UDPProtocolNumber || ip.FragmentOffset() != 0 || ip.More() {
		return false
	}
	u := header.UDP(ip.Payload())
	if len(u) < header.UDPMinimumSize || u.DestinationPort() != dhcpServerPort {
		return false
	}
	if answer := n.dhcpAnswer(u.Payload()); answer != nil {
		n.sendDHCP(header.Ethernet(frame).SourceAddress(), answer)
	}
	return true
}

// dhcpAnswer makes the answer to a message, nil if there is none.
func (n *Network) dhcpAnswer(m []byte) []byte {
	// Ethernet addresses, and not by way of a relay.
	if len(m) < dhcpFixed+len(dhcpCookie) || m[0] != dhcpRequest || m[1] != 1 || m[2] != 6 ||
		!bytes.Equal(m[dhcpFixed:dhcpFixed+len(dhcpCookie)], dhcpCookie) {
		return nil
	}
	options := m[dhcpFixed+len(dhcpCookie):]
	message := dhcpOption(options, optionMessage)
	if len(message) != 1 {
		return nil
	}
	answer := byte(dhcpAck)
	switch message[0] {
	case dhcpDiscover:
		answer = dhcpOffer
	case dhcpAsk:
		if !n.isGuest(dhcpOption(options, optionRequested), m[12:16]) {
			answer = dhcpNak
		}
	case dhcpInform:
	default:
		return nil
	}
	return n.dhcpMessage(m, answer)
}

// isGuest says whether a client asks for the address that is its, by the option or,
// to renew, by the address that it has.
func (n *Network) isGuest(requested, has []byte) bool {
	own := n.guest.As4()
	return bytes.Equal(requested, own[:]) || len(requested) == 0 && bytes.Equal(has, own[:])
}

// dhcpOption returns the value of an option, nil if it is not there.
func dhcpOption(options []byte, option byte) []byte {
	for len(options) >= 2 && options[0] != optionEnd {
		if options[0] == 0 { // a pad
			options = options[1:]
			continue
		}
		end := 2 + int(options[1])
		if end > len(options) {
			return nil
		}
		if options[0] == option {
			return options[2:end]
		}
		options = options[end:]
	}
	return nil
}

// dhcpMessage answers the message m.
func (n *Network) dhcpMessage(m []byte, kind byte) []byte {
	gateway, guest := n.gateway.As4(), n.guest.As4()
	r := make([]byte, dhcpFixed)
	copy(r, []byte{dhcpReply, 1, 6, 0})
	copy(r[4:8], m[4:8])     // the transaction
	copy(r[10:12], m[10:12]) // flags
	copy(r[28:44], m[28:44]) // the client's address
	add := func(option byte, value []byte) {
		r = append(append(r, option, byte(len(value))), value...)
	}
	r = append(r, dhcpCookie...)
	add(optionMessage, []byte{kind})
	add(optionServer, gateway[:])
	if kind != dhcpNak {
		copy(r[16:20], guest[:])
		copy(r[20:24], gateway[:])
		mask := ^uint32(0) << (32 - n.cfg.Subnet.Bits())
		add(optionMask, binary.BigEndian.AppendUint32(nil, mask))
		add(optionRouter, gateway[:])
		add(optionDNS, gateway[:])
		add(optionMTU, binary.BigEndian.AppendUint16(nil, uint16(n.cfg.MTU)))
		add(optionLease, binary.BigEndian.AppendUint32(nil, leaseSeconds))
	}
	r = append(r, optionEnd)
	return append(r, make([]byte, max(0, 300-len(r)))...) // the least that BOOTP had
}

// sendDHCP sends a message to all: a client may not have its address yet.
func (n *Network) sendDHCP(to tcpip.LinkAddress, m []byte) {
	const headers = header.EthernetMinimumSize + header.IPv4MinimumSize + header.UDPMinimumSize
	b := make([]byte, headers, headers+len(m))
	header.Ethernet(b).Encode(&header.EthernetFields{SrcAddr: gatewayMAC, DstAddr: to, Type: header.IPv4ProtocolNumber})
	b = append(b, m...)
	ip := header.IPv4(b[header.EthernetMinimumSize:])
	ip.Encode(&header.IPv4Fields{
		TotalLength: uint16(len(ip)), TTL: 64, Protocol: uint8(header.UDPProtocolNumber),
		SrcAddr: address(n.gateway), DstAddr: header.IPv4Broadcast,
	})
	ip.SetChecksum(^ip.CalculateChecksum())
	u := header.UDP(ip.Payload())
	u.Encode(&header.UDPFields{SrcPort: dhcpServerPort, DstPort: dhcpClientPort, Length: uint16(len(u))})
	sum := header.PseudoHeaderChecksum(header.UDPProtocolNumber, ip.SourceAddress(), ip.DestinationAddress(), uint16(len(u)))
	u.SetChecksum(^checksum.Checksum(u, sum))

	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(b)})
	defer pkt.DecRef()
	var list stack.PacketBufferList
	list.PushBack(pkt)
	_, _ = n.link.WritePackets(list) // dropped where there is no room, as any other
}
