package fs

import (
	"errors"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Mknod implements fuse.RawFileSystem. A guest makes no devices: the host would
// open them.
func (f *fileSystem) Mknod(_ <-chan struct{}, in *fuse.MknodIn, name string, out *fuse.EntryOut) fuse.Status {
	switch in.Mode & unix.S_IFMT {
	case 0, unix.S_IFREG, unix.S_IFIFO, unix.S_IFSOCK:
	default:
		return fuse.EPERM
	}
	return f.add(&in.InHeader, name, in.Mode, out, func(dir int) error {
		return unix.Mknodat(dir, name, in.Mode&^setID, 0)
	})
}

// Mkdir implements fuse.RawFileSystem.
func (f *fileSystem) Mkdir(_ <-chan struct{}, in *fuse.MkdirIn, name string, out *fuse.EntryOut) fuse.Status {
	return f.add(&in.InHeader, name, in.Mode, out, func(dir int) error {
		return unix.Mkdirat(dir, name, in.Mode&modeBits&^setID)
	})
}

// Symlink implements fuse.RawFileSystem. Its target may be anything: the host does
// not follow it.
func (f *fileSystem) Symlink(_ <-chan struct{}, h *fuse.InHeader, target, name string, out *fuse.EntryOut) fuse.Status {
	return f.add(h, name, 0, out, func(dir int) error { return unix.Symlinkat(target, dir, name) })
}

// add makes something in a directory, gives it the owner and the mode that the guest
// wants, and tells of it.
func (f *fileSystem) add(h *fuse.InHeader, name string, mode uint32, out *fuse.EntryOut, in func(dir int) error) fuse.Status {
	d, e := f.dir(h.NodeId, name)
	if e != 0 {
		return fuse.Status(e)
	}
	defer d.done()
	if err := retry(func() error { return in(d.fd) }); err != nil {
		return status(err)
	}
	fd, err := lookup(d.fd, name)
	if err != nil {
		return status(err)
	}
	if err := f.adopt(d, fd, h, mode); err != nil {
		_ = unix.Close(fd)
		undo(d, name)
		return status(err)
	}
	return f.tell(d, fd, out)
}

// undo takes away what could not be given to the guest. That it may stay is not
// worse than that it was made.
func undo(d *node, name string) {
	if err := unix.Unlinkat(d.fd, name, 0); err == unix.EISDIR {
		_ = unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR)
	}
}

// adopt gives a new file the owner that the guest wants, unless it squashes, and the
// mode: the host's file creation mask is not the guest's. What a directory passes on
// stays, which is its group, and to directories that they pass it on.
func (f *fileSystem) adopt(d *node, fd int, h *fuse.InHeader, mode uint32) error {
	var st, parent syscall.Stat_t
	if err := syscall.Fstat(d.fd, &parent); err != nil {
		return err
	}
	inherits := parent.Mode & unix.S_ISGID
	if !f.squash {
		gid := h.Gid
		if inherits != 0 {
			gid = ^uint32(0)
		}
		if err := f.chown(fd, h.Uid, gid); err != nil {
			return err
		}
	}
	if err := syscall.Fstat(fd, &st); err != nil {
		return err
	}
	mode = f.allowed(mode, st.Mode)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		return nil // has none
	case unix.S_IFDIR:
		mode |= inherits
	}
	if mode == st.Mode&modeBits {
		return nil
	}
	return unix.Chmod(path(fd), mode)
}

// Link implements fuse.RawFileSystem.
func (f *fileSystem) Link(_ <-chan struct{}, in *fuse.LinkIn, name string, out *fuse.EntryOut) fuse.Status {
	d, e := f.dir(in.NodeId, name)
	if e != 0 {
		return fuse.Status(e)
	}
	defer d.done()
	n, e := f.node(in.Oldnodeid)
	if e != 0 {
		return fuse.Status(e)
	}
	defer n.done()
	if err := unix.Linkat(unix.AT_FDCWD, path(n.fd), d.fd, name, unix.AT_SYMLINK_FOLLOW); err != nil {
		return status(err)
	}
	return f.enter(d, name, out)
}

// Create implements fuse.RawFileSystem. Whether the file was there is found out by
// making it; the one that was is opened like any other.
func (f *fileSystem) Create(cancel <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	d, e := f.dir(in.NodeId, name)
	if e != 0 {
		return fuse.Status(e)
	}
	defer d.done()
	flags, e := openFlags(in.Flags)
	if e != 0 {
		return fuse.Status(e)
	}
	fd, err := create(d.fd, name, flags, in.Mode&modeBits&^setID)
	if errors.Is(err, unix.EEXIST) && in.Flags&unix.O_EXCL == 0 {
		return f.openEntry(d, name, flags, out)
	}
	if err != nil {
		return status(err)
	}
	entry, err := unix.Open(path(fd), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		_ = unix.Close(fd)
		return status(err)
	}
	if err := f.adopt(d, entry, &in.InHeader, in.Mode); err != nil {
		_, _ = unix.Close(fd), unix.Close(entry)
		undo(d, name)
		return status(err)
	}
	return f.tellOpen(d, fd, entry, out)
}

// create makes a file and opens it.
func create(dir int, name string, flags uint64, mode uint32) (int, error) {
	how := unix.OpenHow{
		Flags:   flags | hostFlags | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW,
		Mode:    uint64(mode),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(dir, name, &how)
		if err != unix.EAGAIN && err != unix.EINTR {
			return fd, err
		}
	}
}

// openEntry opens what has a name.
func (f *fileSystem) openEntry(d *node, name string, flags uint64, out *fuse.CreateOut) fuse.Status {
	entry, err := lookup(d.fd, name)
	if err != nil {
		return status(err)
	}
	var st syscall.Stat_t
	err = syscall.Fstat(entry, &st)
	seal, fd := false, -1
	if err == nil {
		seal, err = sealed(entry, &st, d)
	}
	switch {
	case err != nil:
	case seal:
		err = unix.EACCES
	default:
		fd, err = reopen(&node{descriptor: &descriptor{fd: entry}, mode: st.Mode}, flags)
	}
	if err != nil {
		_ = unix.Close(entry)
		return status(err)
	}
	return f.tellOpen(d, fd, entry, out)
}

// tellOpen tells the guest of an open file and of its inode; it takes both over.
func (f *fileSystem) tellOpen(d *node, fd, entry int, out *fuse.CreateOut) fuse.Status {
	id, e := f.open(fd)
	if e != 0 {
		_ = unix.Close(entry)
		return fuse.Status(e)
	}
	if s := f.tell(d, entry, &out.EntryOut); s != fuse.OK {
		f.release(id)
		return s
	}
	out.Fh, out.OpenFlags = id, openAnswer
	return fuse.OK
}
