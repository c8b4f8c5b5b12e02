package usernet

import (
	"context"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

const (
	// ackDelay is how long an acknowledgement waits for a packet that brings it along.
	// RFC 9293, section 3.8.6.3, allows 500 ms; Linux takes 40 ms.
	ackDelay = 2 * time.Millisecond
	// ackSize is the most that an acknowledgement which waits is about: one segment.
	ackSize = 1460
)

// outbound are the packets for the guest. The stack acknowledges at once what it is
// sent, and sends the answer a moment later: an interrupt more for the guest in each
// question and answer. Here such an acknowledgement waits for the answer. Nothing
// overtakes it, and no more than one segment waits, so that a guest which fills its
// window is not held up.
type outbound struct {
	link *channel.Endpoint
	last segment             // that the guest got
	next *stack.PacketBuffer // is read already, or nil
}

// segment is what counts of a TCP segment.
type segment struct {
	flow stack.TransportEndpointID
	ack  uint32
	bare bool // an acknowledgement, and nothing else
}

// take waits for the next packet; nil at the end of ctx.
func (o *outbound) take(ctx context.Context) *stack.PacketBuffer {
	pkt := o.next
	if o.next = nil; pkt == nil {
		pkt = o.link.ReadContext(ctx)
	}
	if pkt == nil {
		return nil
	}
	s, ok := segmentOf(pkt)
	if !ok {
		return pkt
	}
	if s.bare && s.flow == o.last.flow && s.ack-o.last.ack-1 < ackSize {
		pkt, s = o.wait(ctx, pkt, s)
	}
	o.last = s
	return pkt
}

// wait returns an acknowledgement, or what came in time and says the same.
func (o *outbound) wait(ctx context.Context, ack *stack.PacketBuffer, s segment) (*stack.PacketBuffer, segment) {
	ctx, cancel := context.WithTimeout(ctx, ackDelay)
	defer cancel()
	if o.next = o.link.ReadContext(ctx); o.next == nil {
		return ack, s
	}
	next, ok := segmentOf(o.next)
	// An acknowledgement of the same bytes may be there to be counted.
	if !ok || next.flow != s.flow || int32(next.ack-s.ack) < 0 || next.bare && next.ack == s.ack {
		return ack, s
	}
	ack.DecRef()
	pkt := o.next
	o.next = nil
	return pkt, next
}

// drain drops what is waiting.
func (o *outbound) drain() {
	if o.next != nil {
		o.next.DecRef()
	}
	o.last, o.next = segment{}, nil
	o.link.Drain()
}

// segmentOf returns what is in a packet of the stack; false if that is not a TCP
// segment with an acknowledgement.
func segmentOf(pkt *stack.PacketBuffer) (segment, bool) {
	if pkt.TransportProtocolNumber != header.TCPProtocolNumber {
		return segment{}, false
	}
	h, ip := header.TCP(pkt.TransportHeader().Slice()), header.IPv4(pkt.NetworkHeader().Slice())
	if len(h) < header.TCPMinimumSize || len(ip) < header.IPv4MinimumSize || !h.Flags().Contains(header.TCPFlagAck) {
		return segment{}, false
	}
	return segment{
		flow: stack.TransportEndpointID{
			LocalPort: h.SourcePort(), LocalAddress: ip.SourceAddress(),
			RemotePort: h.DestinationPort(), RemoteAddress: ip.DestinationAddress(),
		},
		ack:  h.AckNumber(),
		bare: h.Flags() == header.TCPFlagAck && pkt.Data().Size() == 0 && len(h.ParsedOptions().SACKBlocks) == 0,
	}, true
}
