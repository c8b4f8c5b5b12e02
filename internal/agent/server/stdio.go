package server

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"linuxkvm/internal/agent/wire"
)

// stdio ties a process's standard streams to connections: by pipes, and on a
// terminal by its master. Pipes and not the connections themselves, because
// programs open /dev/stdout, which a socket refuses.
type stdio struct {
	child    [3]*os.File // the process's ends
	own      [3]*os.File // ours; nil for /dev/null
	conns    [3]net.Conn
	terminal bool
	output   sync.WaitGroup
	ended    atomic.Bool // the process has
}

// lingerTime is how long nothing may come from a pipe after its process has ended.
const lingerTime = 200 * time.Millisecond

func openStdio(c *command, e *wire.Exec) (*stdio, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &stdio{conns: c.conns, terminal: e.Terminal}
	if e.Terminal {
		if err := s.openTerminal(e.Size); err != nil {
			s.abandon()
			return nil, err
		}
		return s, nil
	}
	for i := range s.child {
		if err := s.openPipe(i, e.Streams[i]); err != nil {
			s.closeChild()
			s.abandon()
			return nil, err
		}
	}
	return s, nil
}

func (s *stdio) openPipe(i int, connected bool) error {
	if !connected {
		f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		s.child[i], s.conns[i] = f, nil
		return err
	}
	r, w, err := os.Pipe()
	if i == 0 {
		s.child[i], s.own[i] = r, w
	} else {
		s.child[i], s.own[i] = w, r
	}
	return err
}

// descriptors are what the process gets.
func (s *stdio) descriptors() []uintptr {
	var fds []uintptr
	for _, f := range s.child {
		fds = append(fds, f.Fd())
	}
	return fds
}

func (s *stdio) closeChild() { closeAll(s.child[:]) }

// abandon closes our ends without having used them.
func (s *stdio) abandon() { closeAll(s.own[:]) }

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close() // nothing was written through us
		}
	}
}

// copy begins to pass bytes.
func (s *stdio) copy() {
	if s.own[0] != nil {
		go s.copyInput()
	}
	first := 1
	if s.terminal {
		first = 0
	}
	for i := first; i < len(s.own); i++ {
		if s.own[i] != nil && s.conns[i] != nil {
			s.output.Go(func() { s.copyOutput(i) })
		}
	}
}

// copyInput passes what the host types. A process that does not read it any more is
// no error.
func (s *stdio) copyInput() {
	_, _ = io.Copy(s.own[0], s.conns[0])
	if !s.terminal {
		_ = s.own[0].Close()
	}
}

// copyOutput passes what the process writes. A host that does not want it any more
// closes the pipe to the process.
func (s *stdio) copyOutput(i int) {
	_, _ = io.Copy(s.conns[i], outputReader{s, s.own[i]})
	_ = s.own[i].Close()
	if half, ok := s.conns[i].(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// outputReader reads what a process writes. After the end of the process it goes on
// as long as there is something, however long the host takes for it; but it does not
// wait for those whom the process has left behind with its streams open.
type outputReader struct {
	s *stdio
	f *os.File
}

func (r outputReader) Read(p []byte) (int, error) {
	for {
		ended := r.s.ended.Load()
		if ended {
			_ = r.f.SetReadDeadline(time.Now().Add(lingerTime))
		}
		n, err := r.f.Read(p)
		// The deadline that finish has set may be long past: try once more.
		if errors.Is(err, os.ErrDeadlineExceeded) && !ended {
			continue
		}
		return n, err
	}
}

// finish waits for the last output.
func (s *stdio) finish() {
	s.ended.Store(true)
	for _, f := range s.own {
		if f != nil {
			_ = f.SetReadDeadline(time.Now()) // wakes who reads
		}
	}
	s.output.Wait()
	s.abandon()
}
