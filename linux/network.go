package linux

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"linuxkvm/internal/guestinit"
	"linuxkvm/virtio"
	vnet "linuxkvm/virtio/net"
	"linuxkvm/virtio/net/tap"
	"linuxkvm/virtio/net/usernet"
)

// Network is what the guest's network interface, eth0, is connected to: a UserNetwork
// or a TAPNetwork.
type Network interface {
	open() (*nic, error)
}

// UserNetwork is a network in this process, which needs no privilege: the guest's
// connections are made by this process. The guest has an address, a gateway and a DNS
// server of its own. See package usernet.
type UserNetwork struct {
	usernet.Config
	// Publish are ports of the guest that are reachable from the host's side.
	Publish []Port
}

// Port is a port of the guest that is published.
type Port struct {
	// Host is the address to listen on, such as "127.0.0.1:8080"; with port 0 any that
	// is free: see VM.Publish.
	Host string
	// Guest is the port that connections lead to.
	Guest uint16
	// Protocol is "tcp" or "udp"; empty is "tcp".
	Protocol string
}

// publish makes the port reachable for as long as there is the network.
func (p *Port) publish(n *usernet.Network) error {
	var err error
	switch p.Protocol {
	case "", "tcp":
		_, err = n.Publish(p.Host, p.Guest)
	case "udp":
		_, err = n.PublishUDP(p.Host, p.Guest)
	default:
		err = fmt.Errorf("protocol %q: want tcp or udp", p.Protocol)
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("linux: publish port %d of the guest at %s: %w", p.Guest, p.Host, err)
	if errors.Is(err, unix.EADDRINUSE) {
		err = fmt.Errorf("%w; name another port, or 0 for any that is free", err)
	}
	return err
}

// TAPNetwork is an interface of the host's kernel; see package tap.
type TAPNetwork struct {
	tap.Config
	// Address is the guest's, with the length of the network's prefix; without one the
	// guest's interface is up and has none.
	Address netip.Prefix
	// Gateway is the guest's way to other networks, and DNS are its servers; none of
	// both if they are left out.
	Gateway netip.Addr
	DNS     []netip.Addr
}

// nic is a network interface of the guest.
type nic struct {
	backend vnet.Backend
	closer  io.Closer
	user    *usernet.Network // nil for others
	guest   guestinit.Net
}

// interfaceName is the guest's; its kernel names the first one so.
const interfaceName = "eth0"

// randomMAC is an address that is locally administered and of one host: guests may
// meet on a bridge.
func randomMAC() net.HardwareAddr {
	mac := make(net.HardwareAddr, 6)
	_, _ = rand.Read(mac) // never fails
	mac[0] = mac[0]&^1 | 2
	return mac
}

func (u UserNetwork) open() (*nic, error) {
	n, err := usernet.New(u.Config)
	if err != nil {
		return nil, fmt.Errorf("linux: user network: %w", err)
	}
	for _, p := range u.Publish {
		if err := p.publish(n); err != nil {
			return nil, errors.Join(err, n.Close())
		}
	}
	bits := usernet.DefaultSubnet.Bits()
	if u.Subnet.IsValid() {
		bits = u.Subnet.Bits()
	}
	mtu := u.MTU
	if mtu == 0 {
		mtu = usernet.DefaultMTU
	}
	return &nic{backend: n, closer: n, user: n, guest: guestinit.Net{
		Name: interfaceName, Addr: netip.PrefixFrom(n.Guest(), bits).String(), Gateway: n.Gateway().String(),
		DNS: []string{n.Gateway().String()}, MTU: mtu,
	}}, nil
}

func (c TAPNetwork) open() (*nic, error) {
	t, err := tap.Open(c.Config)
	if err != nil {
		return nil, fmt.Errorf("linux: tap network: %w", err)
	}
	guest := guestinit.Net{Name: interfaceName}
	if c.Address.IsValid() {
		guest.Addr = c.Address.String()
	}
	if c.Gateway.IsValid() {
		guest.Gateway = c.Gateway.String()
	}
	for _, a := range c.DNS {
		guest.DNS = append(guest.DNS, a.String())
	}
	return &nic{backend: t, closer: t, guest: guest}, nil
}

// openNetwork makes the device, if there is to be one.
func (vm *VM) openNetwork(cfg *Config) ([]virtio.Device, error) {
	if cfg.Network == nil {
		return nil, nil
	}
	n, err := cfg.Network.open()
	if err != nil {
		return nil, err
	}
	vm.closers = append(vm.closers, n.closer)
	dev, err := vnet.New(vnet.Config{MAC: randomMAC(), MTU: n.guest.MTU, Backend: n.backend})
	if err != nil {
		return nil, err
	}
	vm.user, cfg.nics = n.user, []guestinit.Net{n.guest}
	return []virtio.Device{dev}, nil
}

// errNoUserNetwork is why something cannot be done.
var errNoUserNetwork = errors.New("linux: the guest has no user network: give Config.Network a UserNetwork")

// Publish makes a TCP port of the guest reachable at an address of the host, such as
// "127.0.0.1:8080"; with port 0 any that is free, which the listener's Addr tells.
// Closing the listener ends that; nobody is to call its Accept.
func (vm *VM) Publish(hostAddr string, guestPort uint16) (net.Listener, error) {
	if vm.user == nil {
		return nil, errNoUserNetwork
	}
	return vm.user.Publish(hostAddr, guestPort)
}

// PublishUDP is Publish for a UDP port; the connection's LocalAddr tells the address,
// and nobody is to read from it.
func (vm *VM) PublishUDP(hostAddr string, guestPort uint16) (net.PacketConn, error) {
	if vm.user == nil {
		return nil, errNoUserNetwork
	}
	return vm.user.PublishUDP(hostAddr, guestPort)
}

// DialTCP connects to a TCP port of the guest.
func (vm *VM) DialTCP(ctx context.Context, port uint16) (net.Conn, error) {
	if vm.user == nil {
		return nil, errNoUserNetwork
	}
	conn, err := vm.user.DialTCP(ctx, port)
	if err != nil {
		return nil, fmt.Errorf("linux: port %d of the guest: %w", port, err)
	}
	return conn, nil
}
