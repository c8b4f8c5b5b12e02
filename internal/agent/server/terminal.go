package server

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"linuxkvm/internal/agent/wire"
)

// openTerminal makes a pseudo terminal: the process has its slave, and the master is
// ours, in both directions.
func (s *stdio) openTerminal(size *wire.Size) error {
	// Not blocking, so that closing it ends a read.
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: "/dev/ptmx", Err: err}
	}
	s.own[0] = os.NewFile(uintptr(fd), "terminal")
	if size != nil {
		s.resize(*size)
	}
	slave, err := openSlave(fd)
	if err != nil {
		return fmt.Errorf("agent: terminal: %w", err)
	}
	s.child = [3]*os.File{slave, slave, slave}
	return nil
}

func openSlave(master int) (*os.File, error) {
	n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		return nil, err
	}
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return nil, err
	}
	return os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
}

// resize sets the size of the terminal. One that is closed has none.
func (s *stdio) resize(size wire.Size) {
	if !s.terminal || s.own[0] == nil {
		return
	}
	conn, err := s.own[0].SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Rows, Col: size.Cols})
	})
}
