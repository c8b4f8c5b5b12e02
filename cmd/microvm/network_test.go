package main

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"linuxkvm/confine"
	"linuxkvm/linux"
	"linuxkvm/virtio/net/usernet"
)

func TestPublishFlag(t *testing.T) {
	for text, want := range map[string]linux.Port{
		"8080:80":           {Host: ":8080", Guest: 80, Protocol: "tcp"},
		"0:80":              {Host: ":0", Guest: 80, Protocol: "tcp"},
		"127.0.0.1:8080:80": {Host: "127.0.0.1:8080", Guest: 80, Protocol: "tcp"},
		"[::1]:8080:80/tcp": {Host: "[::1]:8080", Guest: 80, Protocol: "tcp"},
		"5353:53/udp":       {Host: ":5353", Guest: 53, Protocol: "udp"},
	} {
		if got, err := parsePublish(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, say := range map[string]string{
		"80": "8080:80", "": "8080:80", "x:80": `port "x"`, "80:0": `port "0"`, "80:65536": `"65536"`, "-1:80": `"-1"`,
		"host:80:80": `"host" is no IP`, "80:80/sctp": `"sctp": want tcp or udp`, "80:80/": "want tcp or udp", "80:http": `"http"`,
	} {
		if got, err := parsePublish(text); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: %+v, %v; want it to say %s", text, got, err, say)
		}
	}
}

func TestNetFlag(t *testing.T) {
	for text, want := range map[string]networkKind{
		"user": {"user", ""}, "none": {"none", ""}, "tap": {"tap", ""}, "tap:vm0": {"tap", "vm0"},
	} {
		var k networkKind
		if err := k.Set(text); err != nil || k != want || k.String() != text {
			t.Errorf("%s: %+v, %v", text, k, err)
		}
	}
	for _, text := range []string{"", "bridge", "tap:", "user:x", "none:"} {
		if err := new(networkKind).Set(text); err == nil || !strings.Contains(err.Error(), "tap:INTERFACE") {
			t.Errorf("%q: %v", text, err)
		}
	}
	f := networkFlags{kind: networkKind{word: "none"}, publish: []string{"1:2"}}
	if _, err := f.network(); err == nil || !strings.Contains(err.Error(), "--net user") {
		t.Errorf("a port without a network: %v", err)
	}
}

// What a guest reaches with each value, asked as usernet asks.
func TestEgress(t *testing.T) {
	type reach struct{ public, private, linkLocal, loopback, names bool }
	for value, want := range map[string]reach{
		"":       {public: true, private: true, names: true},
		"all":    {public: true, private: true, names: true},
		"public": {public: true, names: true},
		"none":   {},
	} {
		var f networkFlags
		f.register(new(cobra.Command), new(pflag.FlagSet))
		if value != "" {
			if err := f.egress.Set(value); err != nil {
				t.Fatal(err)
			}
		}
		made, err := f.network()
		if err != nil {
			t.Fatal(err)
		}
		c := made.(linux.UserNetwork).Config
		if c.Allow == nil {
			c.Allow = usernet.AllowRemote // its default
		}
		allows := func(addr string) bool { return c.Allow("tcp", netip.MustParseAddrPort(addr)) == nil }
		got := reach{
			public: allows("8.8.8.8:80"), private: allows("10.0.0.1:80"), linkLocal: allows("169.254.169.254:80"),
			loopback: allows("127.0.0.1:80"), names: c.Resolve == nil,
		}
		if got != want {
			t.Errorf("%q: %+v, want %+v", value, got, want)
		}
		if c.Resolve != nil {
			var e *net.DNSError
			if _, err := c.Resolve(t.Context(), "localhost"); !errors.As(err, &e) || !e.IsNotFound {
				t.Errorf("%q: a name: %v", value, err)
			}
		}
		var confined confine.Config
		f.confine(&confined)
		files := 0
		if want.names {
			files = len(confine.ResolverFiles()) // a lane of the rig has none
		}
		if sockets := confined.Network == confine.Outgoing; sockets != want.names || len(confined.ReadOnly) != files {
			t.Errorf("%q: confined to %+v", value, confined)
		}
	}
}

func TestEgressFlag(t *testing.T) {
	check(t, finish(t, command(t, "run", "--egress", "some", "--", "true")), statusUsage, "", `--egress: "some": want all, public or none`)
	for _, kind := range []string{"none", "tap", "tap:vm0"} {
		got := finish(t, command(t, "run", "--egress", "public", "--net", kind, "--", "true"))
		check(t, got, statusUsage, "", "--egress public: ", "--net user", "--net "+kind)
	}
	check(t, finish(t, command(t, "__complete", "run", "--egress", "")), statusOK, "all\npublic\nnone\n:4\n")
}

// Only the user network makes sockets of this process.
func TestNetworkIsConfined(t *testing.T) {
	for word, want := range map[string]confine.Network{"user": confine.Outgoing, "tap": confine.NoNetwork, "none": confine.NoNetwork} {
		var c confine.Config
		(&networkFlags{kind: networkKind{word: word}}).confine(&c)
		if c.Network != want {
			t.Errorf("%s: %v", word, c.Network)
		}
	}
}
