package fs

import (
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Unlink implements fuse.RawFileSystem.
func (f *fileSystem) Unlink(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	return f.remove(h.NodeId, name, 0)
}

// Rmdir implements fuse.RawFileSystem.
func (f *fileSystem) Rmdir(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	return f.remove(h.NodeId, name, unix.AT_REMOVEDIR)
}

func (f *fileSystem) remove(dir uint64, name string, flags int) fuse.Status {
	d, e := f.dir(dir, name)
	if e != 0 {
		return fuse.Status(e)
	}
	defer d.done()
	return status(unix.Unlinkat(d.fd, name, flags))
}

// Rename implements fuse.RawFileSystem.
func (f *fileSystem) Rename(_ <-chan struct{}, in *fuse.RenameIn, from, to string) fuse.Status {
	if in.Flags&^(unix.RENAME_NOREPLACE|unix.RENAME_EXCHANGE) != 0 {
		return fuse.EINVAL
	}
	source, e := f.dir(in.NodeId, from)
	if e != 0 {
		return fuse.Status(e)
	}
	defer source.done()
	target, e := f.dir(in.Newdir, to)
	if e != 0 {
		return fuse.Status(e)
	}
	defer target.done()
	return status(unix.Renameat2(source.fd, from, target.fd, to, uint(in.Flags)))
}
