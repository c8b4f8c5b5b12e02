package blk

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Discard implements Discarder: it makes a hole in the file.
func (r *Raw) Discard(off, n int64) error {
	if r.readOnly {
		return ErrReadOnly
	}
	return punch(r.file, off, n)
}

// WriteZeroes implements ZeroWriter, where the file system can.
func (r *Raw) WriteZeroes(off, n int64, unmap bool) error {
	if r.readOnly {
		return ErrReadOnly
	}
	if unmap {
		if err := punch(r.file, off, n); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	return fallocate(r.file, unix.FALLOC_FL_ZERO_RANGE|unix.FALLOC_FL_KEEP_SIZE, off, n)
}

// punch makes a hole, which reads as zeros.
func punch(f *os.File, off, n int64) error {
	return fallocate(f, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
}

// fallocate is fallocate(2). What the file system does not have is
// errors.ErrUnsupported.
func fallocate(f *os.File, mode uint32, off, n int64) error {
	err := control(f, func(fd int) error { return unix.Fallocate(fd, mode, off, n) })
	if err == nil {
		return nil
	}
	// EOPNOTSUPP and ENOSYS are errors.ErrUnsupported by themselves. A device of
	// the host may say EINVAL of a range that does not fit its blocks.
	if errors.Is(err, unix.EINVAL) {
		err = errors.ErrUnsupported
	}
	return fmt.Errorf("fallocate %s: %w", f.Name(), err)
}
