package blk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"linuxkvm/virtio"
)

// ErrLocked is wrapped where a file is in use by somebody else.
var ErrLocked = errors.New("in use by another machine or program: stop that, or share the file read-only, or through overlays")

// Raw is a Disk that is a file, or a block device of the host, byte by byte.
type Raw struct {
	file     *os.File
	readOnly bool
	flushErr atomic.Pointer[error]
}

var (
	_ Disk       = (*Raw)(nil)
	_ Discarder  = (*Raw)(nil)
	_ ZeroWriter = (*Raw)(nil)
	_ direct     = (*Raw)(nil)
)

// OpenRaw opens a file or a block device. It locks it, as flock(2) does: for
// writing nobody else may have it, and for reading nobody may write it. Those who do
// not lock are not kept out.
func OpenRaw(path string, readOnly bool) (*Raw, error) {
	f, err := openLocked(path, readOnly)
	if err != nil {
		return nil, fmt.Errorf("virtio/blk: disk: %w", err)
	}
	return &Raw{file: f, readOnly: readOnly}, nil
}

func openLocked(path string, readOnly bool) (*os.File, error) {
	flags, lock := os.O_RDWR, unix.LOCK_EX
	if readOnly {
		flags, lock = os.O_RDONLY, unix.LOCK_SH
	}
	// Without waiting, should it be a pipe that nobody writes to.
	f, err := os.OpenFile(path, flags|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err = checkFile(f); err == nil {
		err = lockFile(f, lock)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func lockFile(f *os.File, how int) error {
	err := control(f, func(fd int) error { return unix.Flock(fd, how|unix.LOCK_NB) })
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrLocked
	}
	return &os.PathError{Op: "lock", Path: f.Name(), Err: err}
}

// checkFile refuses what has no bytes at fixed places.
func checkFile(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if m := info.Mode(); !m.IsRegular() && m&os.ModeType != os.ModeDevice {
		return fmt.Errorf("%s is no file and no block device: %v", f.Name(), m.Type())
	}
	return nil
}

// control calls f with the descriptor, which stays open meanwhile, again if a signal
// interrupts it.
func control(file *os.File, f func(fd int) error) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = conn.Control(func(fd uintptr) {
		for {
			if result = f(int(fd)); !errors.Is(result, unix.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return os.ErrClosed // the only reason not to be called
	}
	return result
}

// Close closes the file and with it the lock. What was written may not yet last:
// Flush comes before.
func (r *Raw) Close() error { return r.file.Close() }

// Size implements Disk. A file that cannot be asked has none.
func (r *Raw) Size() int64 {
	n, err := r.file.Seek(0, io.SeekEnd) // the offset is used for nothing else
	if err != nil {
		return 0
	}
	return n
}

// ReadAt implements Disk.
func (r *Raw) ReadAt(p []byte, off int64) (int, error) { return r.file.ReadAt(p, off) }

// WriteAt implements Disk.
func (r *Raw) WriteAt(p []byte, off int64) (int, error) {
	if r.readOnly {
		return 0, ErrReadOnly
	}
	return r.file.WriteAt(p, off)
}

// readInto implements direct.
func (r *Raw) readInto(b *virtio.Buffers, n int, off int64) (done int, err error) {
	err = control(r.file, func(fd int) error {
		done, err = b.Preadv(fd, n, off)
		return err
	})
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return done, r.named("read", err)
}

// writeFrom implements direct.
func (r *Raw) writeFrom(b *virtio.Buffers, n int, off int64) error {
	if r.readOnly {
		return ErrReadOnly
	}
	return r.named("write", control(r.file, func(fd int) error {
		_, err := b.Pwritev(fd, n, off)
		return err
	}))
}

// named says of which file an error of the kernel's is.
func (r *Raw) named(op string, err error) error {
	var e syscall.Errno
	if errors.As(err, &e) {
		return &os.PathError{Op: op, Path: r.file.Name(), Err: err}
	}
	return err
}

// Flush implements Disk. An error stays: the kernel forgets what it could not write,
// so that a later success would not mean what it says.
func (r *Raw) Flush() error {
	if p := r.flushErr.Load(); p != nil {
		return *p
	}
	if r.readOnly {
		return nil
	}
	err := control(r.file, unix.Fdatasync)
	if err != nil {
		err = fmt.Errorf("earlier writes may be lost: %w", &os.PathError{Op: "fdatasync", Path: r.file.Name(), Err: err})
		r.flushErr.Store(&err)
	}
	return err
}
