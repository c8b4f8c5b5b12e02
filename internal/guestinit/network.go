package guestinit

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
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

// resolvConf is where programs look for DNS servers.
const resolvConf = "/etc/resolv.conf"

// writeResolvConf says which DNS servers there are, and changes nothing in a root that
// may be somebody else's: a file is mounted over the one that is there, and a link
// leads to where it says, which is in memory as a rule (/run).
func writeResolvConf(servers []string) error {
	var b strings.Builder
	for _, s := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	at := resolvConf
	info, err := os.Lstat(at)
	switch {
	case err == nil && info.Mode().IsRegular():
		const own = "/run/linuxkvm-resolv.conf"
		if err := os.WriteFile(own, []byte(b.String()), 0o644); err != nil {
			return err
		}
		return unix.Mount(own, at, "", unix.MS_BIND, "")
	case err == nil && info.Mode()&os.ModeSymlink != 0:
		link, err := os.Readlink(at)
		if err != nil {
			return err
		}
		if at = link; !filepath.IsAbs(link) {
			at = filepath.Join(filepath.Dir(resolvConf), link)
		}
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	return os.WriteFile(at, []byte(b.String()), 0o644)
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
