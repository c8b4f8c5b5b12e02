package main

import (
	"strings"
	"testing"

	"linuxkvm/confine"
	"linuxkvm/linux"
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
