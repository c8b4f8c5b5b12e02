package fs

import (
	"bytes"
	"encoding/binary"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// OpenDir implements fuse.RawFileSystem.
func (f *fileSystem) OpenDir(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	return f.openNode(in.NodeId, unix.O_RDONLY|unix.O_DIRECTORY, out)
}

// ReleaseDir implements fuse.RawFileSystem.
func (f *fileSystem) ReleaseDir(in *fuse.ReleaseIn) { f.release(in.Fh) }

// FsyncDir implements fuse.RawFileSystem.
func (f *fileSystem) FsyncDir(cancel <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return f.Fsync(cancel, in)
}

// ReadDir implements fuse.RawFileSystem.
func (f *fileSystem) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return f.list(in, func(_ *node, e fuse.DirEntry) bool { return out.AddDirEntry(e) })
}

// ReadDirPlus implements fuse.RawFileSystem. An entry that is gone by now, or for
// which there is no room in the table, goes without its inode.
func (f *fileSystem) ReadDirPlus(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return f.list(in, func(d *node, e fuse.DirEntry) bool {
		entry := out.AddDirLookupEntry(e)
		if entry == nil {
			return false
		}
		if e.Name != "." && e.Name != ".." && f.enter(d, e.Name, entry) != fuse.OK {
			*entry = fuse.EntryOut{}
		}
		return true
	})
}

// list calls add with the entries of a directory from an offset on, which is one
// that the host has given out, until it says that it is full.
func (f *fileSystem) list(in *fuse.ReadIn, add func(*node, fuse.DirEntry) bool) fuse.Status {
	d, e := f.node(in.NodeId)
	if e != 0 {
		return fuse.Status(e)
	}
	defer d.done()
	file, e := f.file(in.Fh)
	if e != 0 {
		return fuse.Status(e)
	}
	defer file.done()
	file.position.Lock()
	defer file.position.Unlock()
	if _, err := unix.Seek(file.fd, int64(in.Offset), unix.SEEK_SET); err != nil {
		return status(err)
	}
	buf := make([]byte, min(max(int(in.Size), minDirents), maxDirents))
	for some := false; ; some = true {
		n, err := unix.Getdents(file.fd, buf)
		if err != nil && !some {
			return status(err)
		}
		if n <= 0 || !eachEntry(buf[:n], func(e fuse.DirEntry) bool { return add(d, f.hide(d, e)) }) {
			return fuse.OK
		}
	}
}

// hide keeps the number of the directory above the shared one to itself.
func (f *fileSystem) hide(d *node, e fuse.DirEntry) fuse.DirEntry {
	if e.Name == ".." && d.id == fuse.FUSE_ROOT_ID {
		e.Ino = fuse.FUSE_UNKNOWN_INO
	}
	return e
}

// The host's struct linux_dirent64.
const (
	direntOff    = 8
	direntLength = 16
	direntType   = 18
	direntName   = 19

	minDirents, maxDirents = 1 << 10, 32 << 10 // bytes asked for at once
)

// eachEntry calls f with each entry until it says false.
func eachEntry(b []byte, f func(fuse.DirEntry) bool) bool {
	for len(b) > direntName {
		length := int(binary.NativeEndian.Uint16(b[direntLength:]))
		if length <= direntName || length > len(b) {
			return true // not what the host's kernel does
		}
		name, _, _ := bytes.Cut(b[direntName:length], []byte{0})
		e := fuse.DirEntry{
			Ino:  binary.NativeEndian.Uint64(b),
			Off:  binary.NativeEndian.Uint64(b[direntOff:]),
			Mode: uint32(b[direntType]) << 12,
			Name: string(name),
		}
		if !f(e) {
			return false
		}
		b = b[length:]
	}
	return true
}
