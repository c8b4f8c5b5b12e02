package sys

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Read is read(2) on a descriptor that does not wait for anybody: it retries on
// EINTR. 0 bytes without an error are the end, or the end for now.
func (f *FD) Read(p []byte) (int, error) { return f.transfer(unix.Read, p) }

// Write is write(2), in the manner of Read.
func (f *FD) Write(p []byte) (int, error) { return f.transfer(unix.Write, p) }

func (f *FD) transfer(do func(int, []byte) (int, error), p []byte) (int, error) {
	fd, ok := f.Acquire()
	if !ok {
		return 0, ErrClosed
	}
	defer f.Release()
	for {
		n, err := do(fd, p)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}
