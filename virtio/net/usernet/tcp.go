package usernet

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

const (
	// dialTimeout is how long a host may take to answer.
	dialTimeout = 30 * time.Second
	// timeWait is short: a port of the guest is not used by two.
	timeWait = time.Second
	// endTime is how long the guest may take to agree to the end of a connection.
	endTime = 30 * time.Second
)

// duplex is a connection whose directions end one by one.
type duplex interface {
	net.Conn
	CloseWrite() error
}

// forwardTCP passes a connection of the guest on, or refuses it.
func (n *Network) forwardTCP(r *tcp.ForwarderRequest) {
	refused := true
	done := make(chan struct{})
	if !n.run(func() { defer close(done); refused = n.connect(r) }) {
		close(done)
	}
	<-done
	if refused {
		r.Complete(true)
	}
}

// connect connects to where the guest wants to and begins to copy; refused if it
// could not or may not.
func (n *Network) connect(r *tcp.ForwarderRequest) (refused bool) {
	select {
	case n.tcpSlot <- struct{}{}:
	default:
		return true
	}
	out, err := n.dial("tcp", r.ID().LocalAddress, r.ID().LocalPort)
	if err != nil {
		<-n.tcpSlot
		return true
	}
	var wq waiter.Queue
	ep, failed := r.CreateEndpoint(&wq)
	if failed != nil {
		_ = out.Close()
		<-n.tcpSlot
		return true
	}
	r.Complete(false)
	n.running.Go(func() {
		defer func() { <-n.tcpSlot }()
		n.splice(out.(*net.TCPConn), gonet.NewTCPConn(&wq, ep))
		n.end(ep)
	})
	return false
}

// dial connects to an address that the guest has named, if the policy allows it.
func (n *Network) dial(network string, a tcpip.Address, port uint16) (net.Conn, error) {
	to, err := n.target(network, addrPort(a, port))
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: dialTimeout}
	return d.DialContext(n.ctx, network, to.String())
}

// splice copies both ways until both have ended, one has failed, or Close.
func (n *Network) splice(a, b duplex) {
	stop := context.AfterFunc(n.ctx, func() { kill(a, b) })
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		transfer(a, b)
	}()
	transfer(b, a)
	<-ended
	_, _ = a.Close(), b.Close()
}

// transfer copies from one to the other. The end of the one is the end of the other;
// a failure ends both.
func transfer(to, from duplex) {
	_, err := io.Copy(to, from)
	if err == nil {
		err = to.CloseWrite()
	}
	if err != nil {
		kill(to, from)
	}
}

// kill ends what is under way on connections, and them.
func kill(conns ...net.Conn) {
	for _, c := range conns {
		// That the one is closed already is as good.
		_ = c.SetDeadline(time.Unix(1, 0))
		_ = c.Close()
	}
}

// end waits until the stack has forgotten a connection that is closed: until then it
// counts. A guest that does not agree to the end in time is not asked.
func (n *Network) end(ep tcpip.Endpoint) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(endTime); time.Now().Before(late); {
		switch tcp.EndpointState(ep.State()) {
		case tcp.StateClose, tcp.StateError:
			return
		}
		select {
		case <-n.ctx.Done():
			ep.Abort()
			return
		case <-tick.C:
		}
	}
	ep.Abort()
}

// DialTCP connects to a port of the guest.
func (n *Network) DialTCP(ctx context.Context, port uint16) (net.Conn, error) {
	if n.ctx.Err() != nil {
		return nil, errClosed
	}
	return n.dialGuest(ctx, port)
}

func (n *Network) dialGuest(ctx context.Context, port uint16) (*gonet.TCPConn, error) {
	from := tcpip.FullAddress{NIC: nic, Addr: address(n.gateway)}
	to := tcpip.FullAddress{NIC: nic, Addr: address(n.guest), Port: port}
	return gonet.DialTCPWithBind(ctx, n.stack, from, to, ipv4.ProtocolNumber)
}

// Publish makes a TCP port of the guest reachable at an address of the host, such as
// "127.0.0.1:8080", or with port 0 for any that is free. Connections count towards
// MaxConns. Closing the listener ends it; its Addr is the address; nobody else is to
// call Accept.
func (n *Network) Publish(hostAddr string, guestPort uint16) (net.Listener, error) {
	l, err := net.Listen("tcp", hostAddr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(n.ctx, func() { _ = l.Close() })
	if !n.run(func() {
		defer stop()
		n.accept(l, guestPort)
	}) {
		return nil, errors.Join(errClosed, l.Close())
	}
	return l, nil
}

func (n *Network) accept(l net.Listener, port uint16) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // no files, for instance
			continue
		}
		// Others wait in the kernel's queue until there is room.
		select {
		case n.tcpSlot <- struct{}{}:
		case <-n.ctx.Done():
			_ = c.Close()
			return
		}
		n.running.Go(func() {
			defer func() { <-n.tcpSlot }()
			n.toGuest(c.(*net.TCPConn), port)
		})
	}
}

// toGuest connects a connection to the guest.
func (n *Network) toGuest(c *net.TCPConn, port uint16) {
	ctx, cancel := context.WithTimeout(n.ctx, dialTimeout)
	defer cancel()
	g, err := n.dialGuest(ctx, port)
	if err != nil {
		_ = c.SetLinger(0) // refused: as near to it as can be
		_ = c.Close()
		return
	}
	n.splice(c, g)
}
