package fs

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"linuxkvm/virtio"
)

const (
	maxWrite    = 1 << 20 // bytes of data in one message
	maxHeaders  = 1 << 16 // bytes of everything else, names included
	maxMessage  = maxWrite + maxHeaders
	inHeader    = 40
	outHeader   = 16
	headerOp    = 4
	headerUniq  = 8
	firstFields = 4 // bytes after the header that the rules look at
)

// message is a copy of a request: the guest cannot change it after it was checked.
type message []byte

// readMessage copies a request. What a chain claims to have allocates nothing: only
// the header's length does, and that is bounded.
func readMessage(b *virtio.Buffers) (message, error) {
	var h [inHeader]byte
	if _, err := b.ReadAt(h[:], 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(h[:])
	if n < inHeader || n > maxMessage || int64(n) > int64(b.Size()) {
		return nil, fmt.Errorf("fs: a request of %d bytes in a chain of %d: want %d to %d", n, b.Size(), inHeader, maxMessage)
	}
	m := make(message, n)
	if _, err := b.ReadAt(m, 0); err != nil {
		return nil, err
	}
	copy(m, h[:]) // what was checked, not what stands there by now
	return m, nil
}

// length is how long a message says that it is.
func (m message) length() int { return int(binary.LittleEndian.Uint32(m)) }

func (m message) opcode() uint32 { return binary.LittleEndian.Uint32(m[headerOp:]) }

// first is the first field after the header: flags of an open, mask of an access.
func (m message) first() uint32 {
	if len(m) < inHeader+firstFields {
		return 0
	}
	return binary.LittleEndian.Uint32(m[inHeader:])
}

// refuse is the answer of an error.
func (m message) refuse(e syscall.Errno) []byte { return m.answer(outHeader, e) }

// success is the header of an answer of n bytes.
func (m message) success(n int) []byte { return m.answer(n, 0) }

func (m message) answer(n int, e syscall.Errno) []byte {
	out := binary.LittleEndian.AppendUint32(make([]byte, 0, outHeader+writeOut), uint32(n))
	out = binary.LittleEndian.AppendUint32(out, uint32(-int32(e)))
	return append(out, m[headerUniq:headerUniq+8]...)
}
