package vsock

import (
	"encoding/binary"
	"fmt"
)

// header begins each packet (section 5.10.6).
type header struct {
	srcCID, dstCID   uint64
	srcPort, dstPort uint32
	size             uint32 // of the payload
	kind             uint16
	op               uint16
	flags            uint32
	bufAlloc, fwdCnt uint32
}

const headerSize = 44

// Operations.
const (
	opRequest       = 1
	opResponse      = 2
	opRST           = 3
	opShutdown      = 4
	opRW            = 5
	opCreditUpdate  = 6
	opCreditRequest = 7
)

const kindStream = 1

// Flags of opShutdown.
const (
	shutdownReceive = 1
	shutdownSend    = 2
	shutdownBoth    = shutdownReceive | shutdownSend
)

func (h *header) decode(b *[headerSize]byte) {
	le := binary.LittleEndian
	*h = header{
		srcCID: le.Uint64(b[0:]), dstCID: le.Uint64(b[8:]),
		srcPort: le.Uint32(b[16:]), dstPort: le.Uint32(b[20:]),
		size: le.Uint32(b[24:]), kind: le.Uint16(b[28:]), op: le.Uint16(b[30:]),
		flags: le.Uint32(b[32:]), bufAlloc: le.Uint32(b[36:]), fwdCnt: le.Uint32(b[40:]),
	}
}

func (h *header) encode(b []byte) {
	le := binary.LittleEndian
	le.PutUint64(b[0:], h.srcCID)
	le.PutUint64(b[8:], h.dstCID)
	le.PutUint32(b[16:], h.srcPort)
	le.PutUint32(b[20:], h.dstPort)
	le.PutUint32(b[24:], h.size)
	le.PutUint16(b[28:], h.kind)
	le.PutUint16(b[30:], h.op)
	le.PutUint32(b[32:], h.flags)
	le.PutUint32(b[36:], h.bufAlloc)
	le.PutUint32(b[40:], h.fwdCnt)
}

// Addr is one end of a connection. It implements net.Addr.
type Addr struct {
	CID  uint64
	Port uint32
}

// HostCID is the host's address.
const HostCID = 2

// Network implements net.Addr.
func (Addr) Network() string { return "vsock" }

// String gives the address as cid:port.
func (a Addr) String() string { return fmt.Sprintf("%d:%d", a.CID, a.Port) }
