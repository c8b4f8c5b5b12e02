//go:build ppc64le

package kvm

import (
	"errors"

	"linuxkvm/internal/sys"
)

// rawConn lends a descriptor to other parts of the kernel: syscall.RawConn.
type rawConn struct{ fd *sys.FD }

func (c rawConn) Control(f func(fd uintptr)) error {
	fd, ok := c.fd.Acquire()
	if !ok {
		return ErrClosed
	}
	defer c.fd.Release()
	f(uintptr(fd))
	return nil
}

func (rawConn) Read(func(fd uintptr) bool) error  { return errors.ErrUnsupported }
func (rawConn) Write(func(fd uintptr) bool) error { return errors.ErrUnsupported }
