package fs

import (
	"encoding/binary"
	"errors"
	"io"
	"syscall"

	"linuxkvm/virtio"
)

// Fields of READ and WRITE, which have the same ones as far as they matter here.
const (
	dataFile   = inHeader
	dataOffset = inHeader + 8
	dataSize   = inHeader + 16
	dataHeader = inHeader + 40 // a WRITE's data follows

	writeOut = 8 // bytes of WRITE's answer after the header
)

// data serves READ and WRITE: what they are about goes between guest memory and the
// file without a copy between, and go-fuse has no part in it. It returns false for
// everything else. The answer's length is 0 where there is nobody to answer to.
func (s *session) data(c *virtio.Chain) (n int, served bool) {
	var b [dataHeader]byte
	if _, err := c.Readable.ReadAt(b[:], 0); err != nil {
		return 0, false
	}
	m := message(b[:])
	if op := m.opcode(); op != opRead && op != opWrite {
		return 0, false
	}
	if n := m.length(); n < dataHeader || n > min(maxMessage, c.Readable.Size()) {
		return 0, false // to be refused like any other
	}
	answer, moved, e := s.move(c, m)
	if e != 0 {
		answer, moved = m.refuse(e), 0
	}
	if _, err := c.Writable.WriteAt(answer, 0); err != nil {
		return 0, true // outside of the guest's memory, or no room
	}
	return len(answer) + moved, true
}

// move does what m asks for. It returns the answer's first part, and how many bytes
// that are in their place already follow it.
func (s *session) move(c *virtio.Chain, m message) (answer []byte, moved int, e syscall.Errno) {
	if e := m.check(); e != 0 {
		return nil, 0, e
	}
	if s.dev.cfg.ReadOnly {
		if e := readOnly(m); e != 0 {
			return nil, 0, e
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.files == nil {
		return nil, 0, syscall.EIO
	}
	file, e := s.files.file(binary.LittleEndian.Uint64(m[dataFile:]))
	if e != 0 {
		return nil, 0, e
	}
	defer file.done()
	size, off := int(binary.LittleEndian.Uint32(m[dataSize:])), int64(binary.LittleEndian.Uint64(m[dataOffset:]))
	if m.opcode() == opRead {
		moved, e = m.read(c, file.fd, size, off)
		return m.success(outHeader + moved), moved, e
	}
	moved, e = m.write(c, file.fd, size, off)
	answer = binary.LittleEndian.AppendUint32(m.success(outHeader+writeOut), uint32(moved))
	return append(answer, 0, 0, 0, 0), 0, e
}

// read fills what follows the answer's header.
func (m message) read(c *virtio.Chain, fd, size int, off int64) (int, syscall.Errno) {
	if size > c.Writable.Size()-outHeader {
		return 0, syscall.EIO
	}
	c.Writable.Skip(outHeader)
	n, err := c.Writable.Preadv(fd, size, off)
	return n, moveError(n, err)
}

// write writes what follows the request's header.
func (m message) write(c *virtio.Chain, fd, size int, off int64) (int, syscall.Errno) {
	if size > m.length()-dataHeader || size > maxWrite {
		return 0, syscall.EINVAL
	}
	c.Readable.Skip(dataHeader)
	n, err := c.Readable.Pwritev(fd, size, off)
	return n, moveError(n, err)
}

// moveError is the errno of a move, of which some bytes are better than none.
func moveError(n int, err error) syscall.Errno {
	var e syscall.Errno
	switch {
	case err == nil, n > 0, errors.Is(err, io.EOF):
		return 0
	case errors.As(err, &e):
		return e
	}
	return syscall.EFAULT // no memory of the guest's
}
