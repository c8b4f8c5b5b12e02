package usernet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// Config describes a network. Zero values stand for the defaults.
type Config struct {
	// Subnet is the network's, of 8 addresses or more; DefaultSubnet by default. Its
	// first address is the gateway's, the second the guest's, the last but one is an
	// alias of the host's 127.0.0.1.
	Subnet netip.Prefix
	// MTU is the largest IP packet; DefaultMTU by default. The device's is to be the same.
	// No packet of the guest's goes any further than to this process, so that it has
	// nothing to do with the MTU of the networks beyond.
	MTU int
	// Allow decides on each connection (network "tcp") and on each exchange of
	// datagrams ("udp") that the guest begins. The address is the one that this process
	// would connect to: the host's alias is 127.0.0.1 here. An error refuses. It is
	// called by several goroutines at a time. By default it is AllowRemote.
	Allow func(network string, addr netip.AddrPort) error
	// Resolve answers the guest's DNS queries for addresses; by default the host's
	// resolver does. ctx ends after some seconds.
	Resolve func(ctx context.Context, name string) ([]netip.Addr, error)
	// MaxConns is how many TCP connections there may be, and how many exchanges of
	// datagrams; DefaultMaxConns by default. A connection takes up to 1 MiB.
	MaxConns int
}

// Defaults.
const (
	DefaultMTU      = 65520 // a packet costs much more than its bytes do
	DefaultMaxConns = 512
)

// DefaultSubnet is the network where Config names none.
var DefaultSubnet = netip.MustParsePrefix("192.168.127.0/24")

// setDefaults fills in what is not said, and refuses what cannot be.
func (c *Config) setDefaults() error {
	if !c.Subnet.IsValid() {
		c.Subnet = DefaultSubnet
	}
	c.Subnet = c.Subnet.Masked()
	if c.MTU == 0 {
		c.MTU = DefaultMTU
	}
	if c.MaxConns == 0 {
		c.MaxConns = DefaultMaxConns
	}
	if c.Allow == nil {
		c.Allow = AllowRemote
	}
	if c.Resolve == nil {
		c.Resolve = func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip4", name)
		}
	}
	switch {
	case !c.Subnet.Addr().Is4() || c.Subnet.Bits() > 29 || c.Subnet.Bits() < 8:
		return fmt.Errorf("usernet: subnet %v: want one of IPv4, from /8 to /29", c.Subnet)
	case c.MTU < 576 || c.MTU > 65535:
		return fmt.Errorf("usernet: MTU %d: want 576 to 65535", c.MTU)
	case c.MaxConns < 0:
		return fmt.Errorf("usernet: MaxConns %d: want 0 or more", c.MaxConns)
	}
	return nil
}

// Reasons to refuse an address.
var (
	errLoopback  = errors.New("usernet: an address of the host itself, which Config.Allow does not allow by default")
	errLinkLocal = errors.New("usernet: a link-local address, which Config.Allow does not allow by default")
	errPrivate   = errors.New("usernet: an address that is not public")
	errNowhere   = errors.New("usernet: not an address of one other host")
)

// AllowRemote allows all but the host's loopback addresses and link-local ones, where
// clouds keep credentials. The host's other addresses are among what it allows: what
// listens on all of them is reachable.
func AllowRemote(_ string, addr netip.AddrPort) error {
	switch {
	case addr.Addr().IsLoopback():
		return errLoopback
	case addr.Addr().IsLinkLocalUnicast():
		return errLinkLocal
	}
	return nil
}

// AllowPublic allows what AllowRemote does, except private networks and the others that
// are not of the public Internet (RFC 6890): addresses behind a carrier's NAT, where
// clouds and overlay networks have services too, and those for protocols, examples and
// benchmarks.
func AllowPublic(network string, addr netip.AddrPort) error {
	a := addr.Addr().Unmap()
	if a.IsPrivate() || slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return errPrivate
	}
	return AllowRemote(network, addr)
}

var notPublic = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
}

// target is where a connection of the guest to an address is to go, if it may.
func (n *Network) target(network string, to netip.AddrPort) (netip.AddrPort, error) {
	a := to.Addr()
	switch {
	case a == n.host:
		to = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), to.Port())
	case n.cfg.Subnet.Contains(a), a.IsMulticast(), a.As4()[0] == 0, a.As4()[0] >= 240:
		return to, errNowhere
	}
	return to, n.cfg.Allow(network, to)
}
