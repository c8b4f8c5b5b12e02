package usernet

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// idleTime ends an exchange of datagrams.
const idleTime = time.Minute

// flows are the exchanges of datagrams that are being made.
type flows struct {
	mu sync.Mutex
	m  map[stack.TransportEndpointID]struct{}
}

// begin is false if one is being made already.
func (f *flows) begin(id stack.TransportEndpointID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.m == nil {
		f.m = map[stack.TransportEndpointID]struct{}{}
	}
	_, there := f.m[id]
	f.m[id] = struct{}{}
	return !there
}

func (f *flows) end(id stack.TransportEndpointID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.m, id)
}

// forwardUDP takes the first datagram from a port of the guest to an address. What
// follows before there is a socket is lost, as datagrams may be.
func (n *Network) forwardUDP(r *udp.ForwarderRequest) {
	select {
	case n.udpSlot <- struct{}{}:
	default:
		return
	}
	release := func() { <-n.udpSlot }
	if !n.flows.begin(r.ID()) {
		release()
		return
	}
	if !n.run(func() {
		defer release()
		if in, out := n.exchange(r); in != nil {
			n.copyDatagrams(in, out)
		}
	}) {
		n.flows.end(r.ID())
		release()
	}
}

// exchange makes the sockets for both sides, nil if it may not.
func (n *Network) exchange(r *udp.ForwarderRequest) (in, out net.Conn) {
	defer n.flows.end(r.ID())
	out, err := n.dial("udp", r.ID().LocalAddress, r.ID().LocalPort)
	if err != nil {
		return nil, nil
	}
	var wq waiter.Queue
	ep, failed := r.CreateEndpoint(&wq)
	if failed != nil {
		_ = out.Close()
		return nil, nil
	}
	return gonet.NewUDPConn(&wq, ep), out
}

// copyDatagrams copies both ways until neither side has sent anything for a while.
func (n *Network) copyDatagrams(in, out net.Conn) {
	stop := context.AfterFunc(n.ctx, func() { kill(in, out) })
	defer stop()
	idle := time.AfterFunc(idleTime, func() { kill(in, out) })
	defer idle.Stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		datagrams(in, out, idle)
	}()
	datagrams(out, in, idle)
	<-ended
}

// datagrams copies until one side fails, and closes both. A guest's datagram that
// nobody takes, which the socket tells of at the next use, is no failure.
func datagrams(to, from net.Conn, idle *time.Timer) {
	defer kill(to, from)
	buf := make([]byte, 64<<10)
	for {
		k, err := from.Read(buf)
		if refused(err) {
			continue
		}
		if err != nil {
			return
		}
		idle.Reset(idleTime)
		if _, err := to.Write(buf[:k]); err != nil && !refused(err) {
			return
		}
	}
}

// refused says whether an error tells of an earlier datagram.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
