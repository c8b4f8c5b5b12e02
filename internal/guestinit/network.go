package guestinit

import (
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
)

// network sets the loopback interface and those of the configuration up.
func (g *guest) network() error {
	g.problem("loopback", linkUp("lo")) // a kernel may have no network at all
	var servers []string
	for _, n := range g.config.Net {
		if err := n.setUp(); err != nil {
			return fmt.Errorf("network %s: %w", n.Name, err)
		}
		servers = append(servers, n.DNS...)
	}
	if len(servers) > 0 {
		g.problem("resolv.conf", writeResolvConf(servers))
	}
	return nil
}

func linkUp(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

func writeResolvConf(servers []string) error {
	var b strings.Builder
	for _, s := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	// It may be a link to where nothing is yet.
	if err := os.Remove("/etc/resolv.conf"); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := os.MkdirAll("/etc", 0o755); err != nil {
		return err
	}
	return os.WriteFile("/etc/resolv.conf", []byte(b.String()), 0o644)
}

// setUp gives an interface its addresses.
func (n *Net) setUp() error {
	link, err := netlink.LinkByName(n.Name)
	if err != nil {
		return err
	}
	if n.MTU > 0 {
		if err := netlink.LinkSetMTU(link, n.MTU); err != nil {
			return fmt.Errorf("MTU %d: %w", n.MTU, err)
		}
	}
	if n.Addr != "" {
		addr, err := netlink.ParseAddr(n.Addr)
		if err != nil {
			return fmt.Errorf("address %q: %w", n.Addr, err)
		}
		if err := netlink.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("address %s: %w", n.Addr, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	if n.Gateway == "" {
		return nil
	}
	gateway := net.ParseIP(n.Gateway)
	if gateway == nil {
		return fmt.Errorf("gateway %q is no address", n.Gateway)
	}
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: gateway}); err != nil {
		return fmt.Errorf("gateway %s: %w", n.Gateway, err)
	}
	return nil
}
