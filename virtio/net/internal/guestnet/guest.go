// Package guestnet is a guest with a network, for tests: a TCP/IP stack that is not
// the host's, over the driver's side of a network device.
package guestnet

import (
	"context"
	"encoding/binary"
	stdnet "net"
	"sync"

	"gvisor.dev/gvisor/pkg/buffer"
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

	"linuxkvm/virtio/internal/drive"
	"linuxkvm/virtio/net"
)

// NIC is the guest's only interface.
const NIC = 1

// Guest is a guest.
type Guest struct {
	Stack *stack.Stack

	d       *drive.Driver
	link    *channel.Endpoint
	mu      sync.Mutex
	free    *sync.Cond
	rx, tx  *drive.Pool
	partial []byte // of a packet in several buffers
	more    int    // buffers that it still has
	Largest int    // packet sent
}

// New starts the driver of a device, without some of its features. It ends with the
// test.
func New(d *drive.Driver, mac stdnet.HardwareAddr, mtu int, without uint64) *Guest {
	d.T.Helper()
	d.Start(without)
	g := &Guest{d: d, link: channel.New(64, uint32(mtu)+header.EthernetMinimumSize, tcpip.LinkAddress(mac))}
	g.free = sync.NewCond(&g.mu)
	d.SetReg(drive.DeviceFeaturesSel, 0)
	features := uint64(d.Reg(drive.DeviceFeatures)) &^ without
	if features&net.FeatureGuestCSUM != 0 {
		g.link.LinkEPCapabilities |= stack.CapabilityRXChecksumOffload
	}
	if features&net.FeatureHostTSO4 != 0 {
		g.link.SupportedGSOKind = stack.HostGSOSupported
	}
	g.Stack = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4},
	})
	if err := g.Stack.CreateNIC(NIC, ethernet.New(g.link)); err != nil {
		d.T.Fatal(err)
	}
	buffers, size := 256, 2048
	if features&net.FeatureMergeable == 0 && mtu > 1500 {
		buffers, size = 24, net.MaxPacket // one has to have room for any packet
	}
	g.rx, g.tx = d.NewPool(0, buffers, size, true), d.NewPool(1, 32, net.MaxPacket, false)
	g.poll()
	stop := d.Interrupts(g.poll)
	ctx, cancel := context.WithCancel(context.Background())
	var sending sync.WaitGroup
	sending.Go(func() { g.send(ctx) })
	d.T.Cleanup(func() {
		cancel()
		g.free.Broadcast()
		sending.Wait()
		stop()
		g.Stack.Destroy()
	})
	return g
}

// Address gives the guest an address of a network with a prefix of bits, and a
// gateway if there is one.
func (g *Guest) Address(ip stdnet.IP, bits int, gateway stdnet.IP) {
	g.d.T.Helper()
	with := tcpip.AddressWithPrefix{Address: tcpip.AddrFrom4Slice(ip.To4()), PrefixLen: bits}
	if err := g.Stack.AddProtocolAddress(NIC, tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: with}, stack.AddressProperties{}); err != nil {
		g.d.T.Fatal(err)
	}
	routes := []tcpip.Route{{Destination: with.Subnet(), NIC: NIC}}
	if gateway != nil {
		routes = append(routes, tcpip.Route{Destination: header.IPv4EmptySubnet, Gateway: tcpip.AddrFrom4Slice(gateway.To4()), NIC: NIC})
	}
	g.Stack.SetRouteTable(routes)
}

// send passes the stack's packets to the device.
func (g *Guest) send(ctx context.Context) {
	for {
		pkt := g.link.ReadContext(ctx)
		if pkt == nil {
			return
		}
		p := make([]byte, net.HeaderSize)
		h := offload(pkt)
		h.Encode(p)
		p = append(p, pkt.ToView().AsSlice()...)
		pkt.DecRef()
		g.mu.Lock()
		for g.tx.Free() == 0 && ctx.Err() == nil {
			g.free.Wait()
		}
		if ctx.Err() == nil {
			g.Largest = max(g.Largest, len(p))
			g.tx.Send(p)
		}
		g.mu.Unlock()
	}
}

func offload(pkt *stack.PacketBuffer) (h net.Header) {
	if gso := pkt.GSOOptions; gso.Type == stack.GSOTCPv4 {
		h.CSUMStart = header.EthernetMinimumSize + gso.L3HdrLen
		h.CSUMOffset = gso.CsumOffset
		if gso.NeedsCsum {
			h.Flags = net.FlagNeedsCSUM
		}
		if int(gso.MSS) < pkt.Data().Size() {
			h.GSOType, h.GSOSize = net.GSOTCPv4, gso.MSS
			h.HeaderLen = uint16(pkt.HeaderSize())
		}
	}
	return h
}

// poll does what there is to do.
func (g *Guest) poll() {
	g.mu.Lock()
	for b := g.tx.Recv(); b != nil; b = g.tx.Recv() {
		continue
	}
	g.free.Broadcast()
	var frames [][]byte
	for b := g.rx.Recv(); b != nil; b = g.rx.Recv() {
		if f := g.take(b); f != nil {
			frames = append(frames, f)
		}
	}
	g.rx.Fill()
	g.mu.Unlock()
	for _, f := range frames {
		pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(f)})
		g.link.InjectInbound(0, pkt)
		pkt.DecRef()
	}
}

// take adds a buffer to what there is of a packet, and returns its frame when it has
// all of it.
func (g *Guest) take(b []byte) []byte {
	if g.more == 0 {
		g.more = int(binary.LittleEndian.Uint16(b[10:]))
		b, g.partial = b[net.HeaderSize:], nil
	}
	g.partial = append(g.partial, b...)
	if g.more--; g.more > 0 {
		return nil
	}
	return g.partial
}
