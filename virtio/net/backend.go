package net

import (
	"context"
	"encoding/binary"
)

// Backend is what a device's packets come from and go to. A packet is a [Header] in
// its HeaderSize bytes and an Ethernet frame.
//
// ReadPacket is called by one goroutine at a time, WritePacket too.
type Backend interface {
	// Features are those of the offloads that it takes: FeatureCSUM and so on.
	Features() uint64
	// Start begins a session with the features that the driver has accepted. When ctx
	// ends, ReadPacket and WritePacket return. It is called again for the next
	// session, with nothing under way.
	Start(ctx context.Context, features uint64) error
	// ReadPacket waits for the next packet and copies it to p, which has room for
	// MaxPacket bytes. An error ends the session's packets to the guest.
	ReadPacket(p []byte) (int, error)
	// WritePacket takes a packet, of which it keeps nothing. It does not wait for
	// those that the packet is for. An error means that the packet is lost.
	WritePacket(p []byte) error
}

// Sizes in bytes.
const (
	HeaderSize = 12
	// MaxPacket is the largest packet: its header, an Ethernet header with a VLAN
	// tag, and 64 KiB.
	MaxPacket = HeaderSize + 18 + 64<<10
	// minFrame is an Ethernet header.
	minFrame = 14
)

// Header is what comes before a frame (struct virtio_net_hdr), without the number of
// buffers, which is the device's.
type Header struct {
	Flags, GSOType        uint8
	HeaderLen, GSOSize    uint16
	CSUMStart, CSUMOffset uint16
}

// Flags of a header.
const (
	// FlagNeedsCSUM says that the checksum from CSUMStart on, to be put to CSUMOffset
	// after that, is not yet there.
	FlagNeedsCSUM = 1
	// FlagDataValid says that the checksum is known to be right.
	FlagDataValid = 2
)

// GSOTypes of a header: how a packet is to be cut into smaller ones.
const (
	GSONone  = 0
	GSOTCPv4 = 1
	GSOTCPv6 = 4
	GSOECN   = 0x80
)

// Decode reads a header from the HeaderSize first bytes of a packet.
func (h *Header) Decode(p []byte) {
	le := binary.LittleEndian
	*h = Header{p[0], p[1], le.Uint16(p[2:]), le.Uint16(p[4:]), le.Uint16(p[6:]), le.Uint16(p[8:])}
}

// Encode writes a header to the HeaderSize first bytes of a packet.
func (h *Header) Encode(p []byte) {
	le := binary.LittleEndian
	p[0], p[1] = h.Flags, h.GSOType
	for i, v := range []uint16{h.HeaderLen, h.GSOSize, h.CSUMStart, h.CSUMOffset, 0} {
		le.PutUint16(p[2+2*i:], v)
	}
}
