//go:build linux && amd64

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// hostAddr is an address of the lane that is none of loopback, which our network in
// user mode does not let a guest reach.
var hostAddr = netip.MustParseAddr("10.99.0.1")

// What the guest says first on a connection.
const (
	wantDown = 'd' // send until the end
	wantUp   = 'u' // take until the end, and then tell how much it was
	wantEcho = 'e' // send each byte back
)

// listen starts the server that guests talk to.
func listen(s *scene) (net.Listener, error) {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, err
	}
	addr, err := netlink.ParseAddr(hostAddr.String() + "/32")
	if err != nil {
		return nil, err
	}
	if err := netlink.AddrReplace(lo, addr); err != nil {
		return nil, fmt.Errorf("address %v: %w", addr, err)
	}
	l, err := net.Listen("tcp", netip.AddrPortFrom(hostAddr, 0).String())
	if err != nil {
		return nil, err
	}
	s.address = l.Addr().String()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return l, nil
}

// serve does what the guest wants until it hangs up, which is no error.
func serve(conn net.Conn) {
	defer conn.Close()
	var want [1]byte
	if _, err := io.ReadFull(conn, want[:]); err != nil {
		return
	}
	switch want[0] {
	case wantDown:
		for b := make([]byte, 256<<10); ; {
			if _, err := conn.Write(b); err != nil {
				return
			}
		}
	case wantUp:
		n, _ := io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn})
		_ = binary.Write(conn, binary.LittleEndian, n)
	case wantEcho:
		_, _ = io.Copy(conn, conn)
	}
}
