package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"linuxkvm/confine"
	"linuxkvm/linux"
	"linuxkvm/virtio/net/tap"
	"linuxkvm/virtio/net/usernet"
)

// networkFlags are the flags of microvm run that are about a command's network.
type networkFlags struct {
	kind    networkKind
	egress  egress
	publish []string
}

// networkKind is the value of --net.
type networkKind struct {
	word string // user, tap or none
	name string // of the interface
}

func (k *networkKind) String() string {
	if k.name != "" {
		return k.word + ":" + k.name
	}
	return k.word
}

// Type names the kind of value in a help text.
func (*networkKind) Type() string { return "NETWORK" }

// Set takes user, none, tap or tap:NAME.
func (k *networkKind) Set(s string) error {
	word, name, named := strings.Cut(s, ":")
	switch {
	case word == "tap" && (!named || name != ""), !named && (word == "user" || word == "none"):
		*k = networkKind{word, name}
		return nil
	}
	return fmt.Errorf("%q: want user, tap, tap:INTERFACE or none", s)
}

// egress is the value of --egress; empty is egressAll, not asked for.
type egress string

const (
	egressAll    egress = "all"
	egressPublic egress = "public"
	egressNone   egress = "none"
)

func (e *egress) String() string { return string(*e) }

// Type names the kind of value in a help text.
func (*egress) Type() string { return "WHERE" }

// Set takes one of the three words.
func (e *egress) Set(s string) error {
	switch v := egress(s); v {
	case egressAll, egressPublic, egressNone:
		*e = v
		return nil
	}
	return fmt.Errorf("%q: want %s, %s or %s", s, egressAll, egressPublic, egressNone)
}

// apply makes it the policy of a network.
func (e egress) apply(c *usernet.Config) {
	switch e {
	case egressPublic:
		c.Allow = usernet.AllowPublic
	case egressNone:
		c.Allow = func(string, netip.AddrPort) error { return errEgressNone }
		// A name that is looked up is a message to whoever serves it.
		c.Resolve = func(_ context.Context, name string) ([]netip.Addr, error) {
			return nil, &net.DNSError{Err: errEgressNone.Error(), Name: name, IsNotFound: true}
		}
	}
}

var errEgressNone = errors.New("--egress none")

// check refuses what no network can have.
func (f *networkFlags) check() error {
	if f.egress != "" && f.kind.word != "user" {
		return fmt.Errorf("--egress %s: it is about the connections of --net user, and not of --net %v", f.egress, &f.kind)
	}
	return nil
}

func (f *networkFlags) register(cmd *cobra.Command, flags *pflag.FlagSet) {
	f.kind = networkKind{word: "user"}
	flags.Var(&f.kind, "net", "network of the guest: user, which needs no privilege; tap or tap:INTERFACE of this host; or none")
	flags.Var(&f.egress, "egress", "where connections of --net user may go: all, which is not to this host's loopback nor to link-local addresses; public, nor to private networks; or none")
	flags.Lookup("egress").DefValue = string(egressAll)
	flags.StringArrayVarP(&f.publish, "publish", "p", nil, "let a port of the guest be reached at one of this host, a `[ADDRESS:]PORT:GUESTPORT[/udp]`")
	_ = cmd.RegisterFlagCompletionFunc("net", cobra.FixedCompletions( // the flag exists
		[]string{"user", "tap", "none"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("egress", cobra.FixedCompletions(
		[]string{string(egressAll), string(egressPublic), string(egressNone)}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("publish", cobra.NoFileCompletions)
}

// network is what the flags ask for, nil for none.
func (f *networkFlags) network() (linux.Network, error) {
	if f.kind.word != "user" && len(f.publish) > 0 {
		return nil, fmt.Errorf("--publish %s: ports are published with --net user, not with --net %v", f.publish[0], &f.kind)
	}
	switch f.kind.word {
	case "tap":
		return linux.TAPNetwork{Config: tap.Config{Name: f.kind.name}}, nil
	case "none":
		return nil, nil
	}
	var user linux.UserNetwork
	f.egress.apply(&user.Config)
	for _, p := range f.publish {
		port, err := parsePublish(p)
		if err != nil {
			return nil, fmt.Errorf("--publish %s: %w", p, err)
		}
		user.Publish = append(user.Publish, port)
	}
	return user, nil
}

// parsePublish reads [ADDRESS:]PORT:GUESTPORT[/tcp|/udp]. Without an address it is all
// of them.
func parsePublish(text string) (linux.Port, error) {
	what, protocol, given := strings.Cut(text, "/")
	switch {
	case !given:
		protocol = "tcp"
	case protocol != "tcp" && protocol != "udp":
		return linux.Port{}, fmt.Errorf("protocol %q: want tcp or udp", protocol)
	}
	host, guest, ok := cutLast(what, ":")
	if !ok {
		return linux.Port{}, errors.New("want [ADDRESS:]PORT:GUESTPORT, such as 8080:80 or 127.0.0.1:8080:80")
	}
	address, port, ok := cutLast(host, ":")
	if !ok {
		address, port = "", host
	}
	address = strings.Trim(address, "[]")
	if address != "" && net.ParseIP(address) == nil {
		return linux.Port{}, fmt.Errorf("%q is no IP address", address)
	}
	if _, err := parsePort(port, 0); err != nil {
		return linux.Port{}, err
	}
	n, err := parsePort(guest, 1)
	return linux.Port{Host: net.JoinHostPort(address, port), Guest: n, Protocol: protocol}, err
}

func parsePort(text string, low uint64) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n < low {
		return 0, fmt.Errorf("port %q: want %d to 65535", text, low)
	}
	return uint16(n), nil
}

// cutLast is strings.Cut around the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// confine is what the network needs once it is open: ports that are published are by
// then, and without connections of the guest no further socket is made.
func (f *networkFlags) confine(c *confine.Config) {
	if f.kind.word == "user" && f.egress != egressNone {
		c.Network = confine.Outgoing
		c.ReadOnly = append(c.ReadOnly, confine.ResolverFiles()...)
	}
}
