package usernet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
)

const (
	dnsPort    = 53
	dnsTimeout = 5 * time.Second
	// maxQueries are answered at a time; others are dropped, and asked again.
	maxQueries = 64
	// maxAnswers fit a message of 512 bytes, which all clients take.
	maxAnswers = 12
)

// serveDNS answers queries to the gateway.
func (n *Network) serveDNS() error {
	conn, err := gonet.DialUDP(n.stack, &tcpip.FullAddress{NIC: nic, Addr: address(n.gateway), Port: dnsPort}, nil, ipv4.ProtocolNumber)
	if err != nil {
		return err
	}
	context.AfterFunc(n.ctx, func() { _ = conn.Close() })
	slots := make(chan struct{}, maxQueries)
	n.run(func() {
		buf := make([]byte, 1500)
		for {
			k, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			query := append([]byte(nil), buf[:k]...)
			select {
			case slots <- struct{}{}:
				n.running.Go(func() { n.answer(conn, from, query); <-slots })
			default:
			}
		}
	})
	return nil
}

// answer answers one query.
func (n *Network) answer(conn net.PacketConn, to net.Addr, query []byte) {
	ctx, cancel := context.WithTimeout(n.ctx, dnsTimeout)
	defer cancel()
	if m := n.resolve(ctx, query); m != nil {
		_, _ = conn.WriteTo(m, to) // lost, as datagrams may be
	}
}

// resolve makes the answer to a query, nil if it is none.
func (n *Network) resolve(ctx context.Context, query []byte) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(query)
	if err != nil || h.Response {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	m := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: h.ID, Response: true, OpCode: h.OpCode,
			RecursionDesired: h.RecursionDesired, RecursionAvailable: true,
		},
		Questions: []dnsmessage.Question{q},
	}
	switch {
	case h.OpCode != 0 || q.Class != dnsmessage.ClassINET:
		m.RCode = dnsmessage.RCodeNotImplemented
	case q.Type == dnsmessage.TypeA || q.Type == dnsmessage.TypeAAAA:
		addrs, err := n.cfg.Resolve(ctx, strings.TrimSuffix(q.Name.String(), "."))
		m.RCode = rcode(err)
		if q.Type == dnsmessage.TypeA {
			m.Answers = answers(q.Name, addrs)
		}
	} // and of other types there are no records
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}

func rcode(err error) dnsmessage.RCode {
	var e *net.DNSError
	switch {
	case err == nil:
		return dnsmessage.RCodeSuccess
	case errors.As(err, &e) && e.IsNotFound:
		return dnsmessage.RCodeNameError
	}
	return dnsmessage.RCodeServerFailure
}

func answers(name dnsmessage.Name, addrs []netip.Addr) (all []dnsmessage.Resource) {
	for _, a := range addrs {
		if a = a.Unmap(); a.Is4() && len(all) < maxAnswers {
			all = append(all, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 30},
				Body:   &dnsmessage.AResource{A: a.As4()},
			})
		}
	}
	return all
}
