package usernet

import (
	"context"
	"slices"
	"testing"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// tcpSegment is one from the host's side.
type tcpSegment struct {
	port  uint16
	ack   uint32
	flags header.TCPFlags
	data  string
	sack  bool
}

func (s tcpSegment) packet() *stack.PacketBuffer {
	options := []byte{}
	if s.sack {
		options = make([]byte, 12)
		header.EncodeNOP(options)
		header.EncodeNOP(options[1:])
		header.EncodeSACKBlocks([]header.SACKBlock{{Start: 1, End: 2}}, options[2:])
	}
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{ReserveHeaderBytes: 100, Payload: buffer.MakeWithData([]byte(s.data))})
	h := header.TCP(pkt.TransportHeader().Push(header.TCPMinimumSize + len(options)))
	h.Encode(&header.TCPFields{SrcPort: s.port, DstPort: 80, AckNum: s.ack, Flags: s.flags, DataOffset: uint8(len(h))})
	copy(h[header.TCPMinimumSize:], options)
	pkt.TransportProtocolNumber = header.TCPProtocolNumber
	ip := header.IPv4(pkt.NetworkHeader().Push(header.IPv4MinimumSize))
	ip.Encode(&header.IPv4Fields{
		TotalLength: uint16(len(ip) + len(h) + len(s.data)), Protocol: uint8(header.TCPProtocolNumber),
		SrcAddr: tcpip.AddrFrom4([4]byte{10, 0, 0, 1}), DstAddr: tcpip.AddrFrom4([4]byte{10, 0, 0, 2}),
	})
	return pkt
}

// An acknowledgement that the next packet brings along does not reach the guest; all
// else does, in its order.
func TestAcknowledgements(t *testing.T) {
	const ack, fin = header.TCPFlagAck, header.TCPFlagFin
	start := uint32(0xffff_fff0) // and over the end of the numbers
	first := tcpSegment{1, start, ack, "hello", false}
	bare := tcpSegment{1, start + 100, ack, "", false}
	for name, c := range map[string]struct {
		in   []tcpSegment
		gone []int
	}{
		"the answer brings it":          {[]tcpSegment{first, bare, {1, start + 100, ack, "answer", false}}, []int{1}},
		"the answer acknowledges more":  {[]tcpSegment{first, bare, {1, start + 200, ack, "answer", false}}, []int{1}},
		"the end brings it":             {[]tcpSegment{first, bare, {1, start + 100, ack | fin, "", false}}, []int{1}},
		"every second goes":             {[]tcpSegment{first, bare, {1, start + 200, ack, "", false}, {1, start + 300, ack, "", false}}, []int{1}},
		"nothing comes":                 {[]tcpSegment{first, bare}, nil},
		"another connection is next":    {[]tcpSegment{first, bare, {2, start + 100, ack, "other", false}}, nil},
		"of another connection":         {[]tcpSegment{first, {2, start + 100, ack, "", false}, {2, start + 100, ack, "answer", false}}, nil},
		"one to be counted":             {[]tcpSegment{first, bare, {1, start + 100, ack, "", false}}, nil},
		"what is older is next":         {[]tcpSegment{first, bare, {1, start + 50, ack, "again", false}}, nil},
		"of more than a segment":        {[]tcpSegment{first, {1, start + 3000, ack, "", false}, {1, start + 3000, ack, "answer", false}}, nil},
		"of nothing new: a window":      {[]tcpSegment{first, {1, start, ack, "", false}, {1, start, ack, "answer", false}}, nil},
		"with blocks that have arrived": {[]tcpSegment{first, {1, start + 100, ack, "", true}, {1, start + 100, ack, "answer", false}}, nil},
		"the next has none":             {[]tcpSegment{first, bare, {1, 0, header.TCPFlagRst, "", false}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := passed(t, c.in), without(len(c.in), c.gone); !slices.Equal(got, want) {
				t.Errorf("the guest gets packets %v, want %v", got, want)
			}
		})
	}
}

// passed returns which of the packets come through.
func passed(t *testing.T, in []tcpSegment) []int {
	o := outbound{link: channel.New(len(in), 1500, gatewayMAC)}
	defer o.drain()
	var packets []*stack.PacketBuffer
	for _, s := range in {
		pkt := s.packet()
		defer pkt.DecRef()
		packets = append(packets, pkt)
		var list stack.PacketBufferList
		list.PushBack(pkt)
		if n, err := o.link.WritePackets(list); n != 1 {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out []int
	for o.next != nil || o.link.NumQueued() > 0 {
		pkt := o.take(ctx)
		out = append(out, slices.Index(packets, pkt))
		pkt.DecRef()
	}
	return out
}

// without are the numbers below n but for some.
func without(n int, gone []int) []int {
	var out []int
	for i := range n {
		if !slices.Contains(gone, i) {
			out = append(out, i)
		}
	}
	return out
}
