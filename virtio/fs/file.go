package fs

import (
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const (
	maxCopy = 128 << 20 // bytes of one copy_file_range: a worker is not away for long
	// guestFlags are the flags of open that a guest may give, in the values of
	// amd64, arm64 and riscv64 alike.
	guestFlags = unix.O_ACCMODE | unix.O_APPEND | unix.O_TRUNC | unix.O_SYNC
	// hostFlags are those that the host opens with besides: it does not wait for
	// whoever has a lease on the file.
	hostFlags  = unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	openAnswer = fuse.FOPEN_NOFLUSH // since Linux 5.16
	fallocates = unix.FALLOC_FL_KEEP_SIZE | unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_ZERO_RANGE
)

// openFlags are those of the guest that count.
func openFlags(guest uint32) (uint64, syscall.Errno) {
	if guest&unix.O_ACCMODE == unix.O_ACCMODE {
		return 0, syscall.EINVAL
	}
	return uint64(guest) & guestFlags, 0
}

// reopen opens the file behind an O_PATH descriptor.
func reopen(n *node, flags uint64) (int, error) {
	if !servable(n.mode) {
		return -1, syscall.EACCES
	}
	fd := -1
	err := retry(func() (err error) {
		fd, err = unix.Open(path(n.fd), int(flags)|hostFlags, 0)
		return err
	})
	return fd, err
}

// Open implements fuse.RawFileSystem.
func (f *fileSystem) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	flags, e := openFlags(in.Flags)
	if e != 0 {
		return fuse.Status(e)
	}
	return f.openNode(in.NodeId, flags, out)
}

func (f *fileSystem) openNode(id uint64, flags uint64, out *fuse.OpenOut) fuse.Status {
	n, e := f.node(id)
	if e != 0 {
		return fuse.Status(e)
	}
	defer n.done()
	fd, err := reopen(n, flags)
	if err != nil {
		return status(err)
	}
	if f.keepCache && n.mode&unix.S_IFMT == unix.S_IFREG && n.cache.keep(fd, time.Now()) {
		out.OpenFlags |= fuse.FOPEN_KEEP_CACHE
	}
	out.OpenFlags |= openAnswer
	out.Fh, e = f.open(fd)
	return fuse.Status(e)
}

// Release implements fuse.RawFileSystem.
func (f *fileSystem) Release(_ <-chan struct{}, in *fuse.ReleaseIn) { f.release(in.Fh) }

// with calls do with the descriptor of an open file.
func (f *fileSystem) with(id uint64, do func(fd int) error) fuse.Status {
	file, e := f.file(id)
	if e != 0 {
		return fuse.Status(e)
	}
	defer file.done()
	return status(retry(func() error { return do(file.fd) }))
}

// Flush implements fuse.RawFileSystem. Nothing is held back that could be flushed, which
// newer guests are told when they open a file.
func (f *fileSystem) Flush(_ <-chan struct{}, in *fuse.FlushIn) fuse.Status {
	return f.with(in.Fh, func(int) error { return nil })
}

// Fsync implements fuse.RawFileSystem.
func (f *fileSystem) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	if in.FsyncFlags&1 != 0 { // FUSE_FSYNC_FDATASYNC
		return f.with(in.Fh, unix.Fdatasync)
	}
	return f.with(in.Fh, unix.Fsync)
}

// Fallocate implements fuse.RawFileSystem.
func (f *fileSystem) Fallocate(_ <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	if in.Mode&^fallocates != 0 {
		return fuse.ENOTSUP
	}
	return f.with(in.Fh, func(fd int) error {
		return unix.Fallocate(fd, in.Mode, int64(in.Offset), int64(in.Length))
	})
}

// Lseek implements fuse.RawFileSystem: only to holes and data, the rest is the
// guest's own.
func (f *fileSystem) Lseek(_ <-chan struct{}, in *fuse.LseekIn, out *fuse.LseekOut) fuse.Status {
	if in.Whence != unix.SEEK_DATA && in.Whence != unix.SEEK_HOLE {
		return fuse.EINVAL
	}
	file, e := f.file(in.Fh)
	if e != 0 {
		return fuse.Status(e)
	}
	defer file.done()
	file.position.Lock()
	defer file.position.Unlock()
	off, err := unix.Seek(file.fd, int64(in.Offset), int(in.Whence))
	out.Offset = uint64(off)
	return status(err)
}

// CopyFileRange implements fuse.RawFileSystem.
func (f *fileSystem) CopyFileRange(_ <-chan struct{}, in *fuse.CopyFileRangeIn) (uint32, fuse.Status) {
	if in.Flags != 0 {
		return 0, fuse.EINVAL
	}
	n := 0
	from, to := int64(in.OffIn), int64(in.OffOut)
	s := f.with(in.FhIn, func(source int) error {
		s := f.with(in.FhOut, func(target int) (err error) {
			n, err = unix.CopyFileRange(source, &from, target, &to, int(min(in.Len, maxCopy)), 0)
			return err
		})
		if s != fuse.OK {
			return syscall.Errno(s)
		}
		return nil
	})
	return uint32(max(n, 0)), s
}
