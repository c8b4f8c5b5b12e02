package fs

import (
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const (
	setID    = unix.S_ISUID | unix.S_ISGID
	modeBits = 0o7777
)

// GetAttr implements fuse.RawFileSystem.
func (f *fileSystem) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	n, e := f.any(in.NodeId)
	if e != 0 {
		return fuse.Status(e)
	}
	defer n.done()
	return n.attr(out)
}

func (n *node) attr(out *fuse.AttrOut) fuse.Status {
	var st syscall.Stat_t
	if err := syscall.Fstat(n.fd, &st); err != nil {
		return status(err)
	}
	out.SetTimeout(valid)
	out.FromStat(&st)
	return fuse.OK
}

// SetAttr implements fuse.RawFileSystem. The owner comes before the mode, which the
// host changes with it.
func (f *fileSystem) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	n, e := f.node(in.NodeId)
	if e != 0 {
		return fuse.Status(e)
	}
	defer n.done()
	for _, set := range []func(*node, *fuse.SetAttrIn) error{f.setOwner, f.setMode, f.setSize, setTimes} {
		if err := set(n, in); err != nil {
			return status(err)
		}
	}
	return n.attr(out)
}

func (f *fileSystem) setOwner(n *node, in *fuse.SetAttrIn) error {
	uid, withUID := in.GetUID()
	gid, withGID := in.GetGID()
	if !withUID && !withGID {
		return nil
	}
	return f.chown(n.fd, uid, gid)
}

// chown changes the owner; ^0 leaves one of them alone. What is squashed has an
// owner that cannot change.
func (f *fileSystem) chown(fd int, uid, gid uint32) error {
	if !f.squash {
		return unix.Fchownat(fd, "", int(int32(uid)), int(int32(gid)), unix.AT_EMPTY_PATH)
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return err
	}
	if (uid != ^uint32(0) && uid != st.Uid) || (gid != ^uint32(0) && gid != st.Gid) {
		return syscall.EPERM
	}
	return nil
}

func (f *fileSystem) setMode(n *node, in *fuse.SetAttrIn) error {
	mode, with := in.GetMode()
	if !with {
		return nil
	}
	return unix.Chmod(path(n.fd), f.allowed(mode, n.mode))
}

// allowed is a mode without the bits that would give the user of this process to
// other users of the host.
func (f *fileSystem) allowed(mode, kind uint32) uint32 {
	mode &= modeBits
	if f.squash && kind&unix.S_IFMT != unix.S_IFDIR {
		mode &^= setID
	}
	return mode
}

func (f *fileSystem) setSize(n *node, in *fuse.SetAttrIn) error {
	size, with := in.GetSize()
	if !with {
		return nil
	}
	if id, open := in.GetFh(); open {
		file, e := f.file(id)
		if e != 0 {
			return e
		}
		defer file.done()
		return retry(func() error { return unix.Ftruncate(file.fd, int64(size)) })
	}
	fd, err := reopen(n, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return retry(func() error { return unix.Ftruncate(fd, int64(size)) })
}

func setTimes(n *node, in *fuse.SetAttrIn) error {
	if in.Valid&(fuse.FATTR_ATIME|fuse.FATTR_MTIME) == 0 {
		return nil
	}
	times := []unix.Timespec{
		timespec(in.Valid&fuse.FATTR_ATIME != 0, in.Valid&fuse.FATTR_ATIME_NOW != 0, in.Atime, in.Atimensec),
		timespec(in.Valid&fuse.FATTR_MTIME != 0, in.Valid&fuse.FATTR_MTIME_NOW != 0, in.Mtime, in.Mtimensec),
	}
	return unix.UtimesNanoAt(n.fd, "", times, unix.AT_EMPTY_PATH)
}

func timespec(set, now bool, sec uint64, nsec uint32) unix.Timespec {
	switch {
	case !set:
		return unix.Timespec{Nsec: unix.UTIME_OMIT}
	case now:
		return unix.Timespec{Nsec: unix.UTIME_NOW}
	}
	return unix.Timespec{Sec: int64(sec), Nsec: int64(nsec)}
}
