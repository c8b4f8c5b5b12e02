package fs

import (
	"errors"
	"strconv"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// valid is for how long a guest believes what it was told of a name or an inode.
const valid = time.Second

// fileSystem is what one mount of the guest sees. It trusts nothing that a request
// says: a name is one component (checkName), a number is one of the table's.
type fileSystem struct {
	fuse.RawFileSystem // answers ENOSYS to what is not here
	*table
	squash bool // who owns a file is not the guest's to say
	// keepCache is Config.KeepCache.
	keepCache bool
}

func newFileSystem(t *table, squash bool) *fileSystem {
	return &fileSystem{RawFileSystem: fuse.NewDefaultRawFileSystem(), table: t, squash: squash}
}

// status is an error for the guest.
func status(err error) fuse.Status {
	var e syscall.Errno
	switch {
	case err == nil:
		return fuse.OK
	case !errors.As(err, &e):
		return fuse.EIO
	case e == syscall.EMFILE: // of this process, not of the guest's
		return fuse.Status(syscall.ENFILE)
	}
	return fuse.Status(e)
}

// retry calls f until no signal interrupts it.
func retry(f func() error) error {
	for {
		if err := f(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// path is a way to a descriptor's file that the host's calls take. The link leads to
// the file itself, and no further if that is a symlink.
func path(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// dir returns a directory and refuses a name in it that is none.
func (f *fileSystem) dir(id uint64, name string) (*node, syscall.Errno) {
	if e := checkName(name); e != 0 {
		return nil, e
	}
	n, e := f.node(id)
	if e != 0 {
		return nil, e
	}
	if n.mode&unix.S_IFMT != unix.S_IFDIR {
		n.done()
		return nil, syscall.ENOTDIR
	}
	return n, 0
}

// Lookup implements fuse.RawFileSystem.
func (f *fileSystem) Lookup(_ <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	d, e := f.dir(h.NodeId, name)
	if e != 0 {
		return fuse.Status(e)
	}
	defer d.done()
	return f.enter(d, name, out)
}

// enter looks a name up and tells the guest of it.
func (f *fileSystem) enter(d *node, name string, out *fuse.EntryOut) fuse.Status {
	fd, err := lookup(d.fd, name)
	if err != nil {
		return status(err)
	}
	return f.tell(d, fd, out)
}

// tell tells the guest of an inode in a directory, whose O_PATH descriptor it takes
// over.
func (f *fileSystem) tell(d *node, fd int, out *fuse.EntryOut) fuse.Status {
	var st syscall.Stat_t
	err := syscall.Fstat(fd, &st)
	seal := false
	if err == nil {
		seal, err = sealed(fd, &st, d)
	}
	if err != nil {
		_ = unix.Close(fd)
		return status(err)
	}
	id, e := f.look(fd, &st, seal)
	if e != 0 {
		return fuse.Status(e)
	}
	out.NodeId = id
	out.SetEntryTimeout(valid)
	out.SetAttrTimeout(valid)
	out.FromStat(&st)
	return fuse.OK
}

// Forget implements fuse.RawFileSystem.
func (f *fileSystem) Forget(id, lookups uint64) { f.forget(id, lookups) }

// Readlink implements fuse.RawFileSystem. Where a symlink leads is the guest's to
// find out, in its own tree.
func (f *fileSystem) Readlink(_ <-chan struct{}, h *fuse.InHeader) ([]byte, fuse.Status) {
	n, e := f.node(h.NodeId)
	if e != 0 {
		return nil, fuse.Status(e)
	}
	defer n.done()
	if n.mode&unix.S_IFMT != unix.S_IFLNK {
		return nil, fuse.EINVAL
	}
	target := make([]byte, unix.PathMax)
	k, err := unix.Readlinkat(n.fd, "", target)
	if err != nil {
		return nil, status(err)
	}
	return target[:k], fuse.OK
}

// StatFs implements fuse.RawFileSystem.
func (f *fileSystem) StatFs(_ <-chan struct{}, h *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	n, e := f.any(h.NodeId)
	if e != 0 {
		return fuse.Status(e)
	}
	defer n.done()
	var st syscall.Statfs_t
	if err := retry(func() error { return syscall.Fstatfs(n.fd, &st) }); err != nil {
		return status(err)
	}
	out.FromStatfsT(&st)
	return fuse.OK
}

// Access implements fuse.RawFileSystem: what this process may do. A guest's kernel
// asks only itself.
func (f *fileSystem) Access(_ <-chan struct{}, in *fuse.AccessIn) fuse.Status {
	n, e := f.node(in.NodeId)
	if e != 0 {
		return fuse.Status(e)
	}
	defer n.done()
	return status(unix.Faccessat2(n.fd, "", in.Mask, unix.AT_EMPTY_PATH))
}
