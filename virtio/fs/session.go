package fs

import (
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"linuxkvm/virtio"
)

// session is the time from a driver's DRIVER_OK to the next reset. A guest may mount
// in it several times, one after the other: DESTROY ends a mount.
type session struct {
	dev  *Device
	root int // descriptor

	// A request reads under it; what begins and ends a mount has it alone: go-fuse
	// guards nothing that INIT sets.
	mu     sync.RWMutex
	files  *fileSystem // of the mount that is, or nil
	server *fuse.ProtocolServer
}

// off are the capabilities that go-fuse takes and that nothing here serves.
const off = fuse.CAP_PASSTHROUGH | fuse.CAP_ALLOW_IDMAP | fuse.CAP_NO_OPEN_SUPPORT | fuse.CAP_NO_OPENDIR_SUPPORT

// extra are those that go-fuse does not ask for by itself: a list of names without
// their files' attributes where these are not wanted.
const extra = fuse.CAP_READDIRPLUS_AUTO

// answer serves a request, to which the answer may have so many bytes; none to one that
// forgets. What it returns may be in buf, which grows and is the next answer's too.
func (s *session) answer(m message, room int, buf *[]byte) []byte {
	e := m.check()
	if e == 0 && s.dev.cfg.ReadOnly {
		e = readOnly(m)
	}
	if e != 0 {
		return s.refuse(m, e)
	}
	switch m.opcode() {
	case opInit:
		return s.begin(m, room, buf)
	case opDestroy:
		s.end()
		return m.refuse(0)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.files == nil {
		return s.refuse(m, syscall.EIO)
	}
	return s.call(m, room, buf)
}

func (s *session) refuse(m message, e syscall.Errno) []byte {
	if m.forgets() {
		return nil
	}
	return m.refuse(e)
}

// call has go-fuse serve a request. Locked, at least to read.
func (s *session) call(m message, room int, buf *[]byte) []byte {
	size := min(room, m.answerSize())
	if len(*buf) < size {
		*buf = make([]byte, size)
	}
	out := (*buf)[:size]
	n, st := s.server.HandleRequest([][]byte{m}, [][]byte{out})
	if m.forgets() {
		return nil
	}
	if st != fuse.OK || n > len(out) || !whole(out[:n]) {
		return m.refuse(syscall.EIO)
	}
	return out[:n]
}

// begin is a mount.
func (s *session) begin(m message, room int, buf *[]byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files != nil {
		return m.refuse(syscall.EIO) // it has begun
	}
	root, err := unix.FcntlInt(uintptr(s.root), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return m.refuse(syscall.ENFILE)
	}
	cfg := &s.dev.cfg
	s.files = newFileSystem(newTable(root, cfg.MaxInodes, cfg.MaxFiles), s.dev.squash)
	s.files.keepCache = cfg.KeepCache
	s.server = fuse.NewProtocolServer(s.files, &fuse.MountOptions{
		MaxWrite:             maxWrite,
		MaxBackground:        cfg.Workers * cfg.Queues,
		Logger:               log.New(io.Discard, "", 0), // a guest's mistakes
		DisabledCapabilities: off,
		ExtraCapabilities:    extra,
		PanicHandler:         s.dev.panicked,
	})
	answer := s.call(m, room, buf)
	if binary.LittleEndian.Uint32(answer[4:]) != 0 {
		s.endLocked()
	}
	return answer
}

// end is the end of a mount, and closes what it had open.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked()
}

func (s *session) endLocked() {
	if s.files != nil {
		s.files.close()
		s.files, s.server = nil, nil
	}
}

// handle serves a chain, of which it returns how much is written. What is no request
// has nobody to answer to.
func (s *session) handle(c *virtio.Chain, high bool, buf *[]byte) int {
	if !high {
		if n, served := s.data(c); served {
			return n
		}
	}
	m, err := readMessage(&c.Readable)
	if err != nil {
		return 0
	}
	answer := m.refuse(syscall.ENOSYS)
	if !high || m.forgets() {
		answer = s.answer(m, c.Writable.Size(), buf)
	}
	n, err := c.Writable.Write(answer)
	if err != nil && c.Writable.Size() >= len(answer) {
		return 0 // outside of the guest's memory
	}
	return n
}

// panicked is called with what a request has led to that it must not.
func (d *Device) panicked(v any) fuse.Status {
	if d.cfg.OnError != nil {
		d.cfg.OnError(fmt.Errorf("virtio/fs: a request panicked: %v", v))
	}
	return fuse.EIO
}
