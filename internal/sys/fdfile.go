package sys

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// The calls here are for descriptors that are files besides: statistics and
// guest_memfds.

// ReadAt is pread(2), once: it may read less than len(p), and 0 bytes at the end.
func (f *FD) ReadAt(p []byte, off int64) (int, error) {
	fd, ok := f.Acquire()
	if !ok {
		return 0, ErrClosed
	}
	defer f.Release()
	for {
		n, err := unix.Pread(fd, p, off)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// Allocate makes a file have its memory in a range, or with punch gives that
// back, so that the range reads as zeros. The file's size stays.
func (f *FD) Allocate(off, size int64, punch bool) error {
	fd, ok := f.Acquire()
	if !ok {
		return ErrClosed
	}
	defer f.Release()
	mode := uint32(unix.FALLOC_FL_KEEP_SIZE)
	if punch {
		mode |= unix.FALLOC_FL_PUNCH_HOLE
	}
	for {
		err := unix.Fallocate(fd, mode, off, size)
		if err != unix.EINTR {
			return err
		}
	}
}

// CloseOnExec makes a descriptor that do returns close-on-exec, where the kernel
// has no flag for it: no process is started by this one in between.
func CloseOnExec(do func() (fd int, err error)) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := do()
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	return fd, err
}
