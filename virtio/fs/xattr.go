package fs

import (
	"bytes"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

const (
	userXattr = "user." // the others mean something to the host
	maxXattr  = 1 << 16 // bytes of a value, and of all names
)

// xattrs returns a file that may have attributes of users, which the caller has to
// be done with.
func (f *fileSystem) xattrs(id uint64, name string) (*node, syscall.Errno) {
	if !strings.HasPrefix(name, userXattr) {
		return nil, syscall.EOPNOTSUPP
	}
	n, e := f.node(id)
	if e == 0 && !servable(n.mode) {
		n.done()
		return nil, syscall.EOPNOTSUPP
	}
	return n, e
}

// GetXAttr implements fuse.RawFileSystem.
func (f *fileSystem) GetXAttr(_ <-chan struct{}, h *fuse.InHeader, name string, p []byte) (uint32, fuse.Status) {
	n, e := f.xattrs(h.NodeId, name)
	if e != 0 {
		return 0, fuse.Status(e)
	}
	defer n.done()
	k, err := unix.Getxattr(path(n.fd), name, p)
	return uint32(max(k, 0)), status(err)
}

// ListXAttr implements fuse.RawFileSystem.
func (f *fileSystem) ListXAttr(_ <-chan struct{}, h *fuse.InHeader, p []byte) (uint32, fuse.Status) {
	n, e := f.xattrs(h.NodeId, userXattr)
	if e != 0 {
		return 0, fuse.Status(e)
	}
	defer n.done()
	all := make([]byte, maxXattr)
	k, err := unix.Listxattr(path(n.fd), all)
	if err != nil {
		return 0, status(err)
	}
	var users []byte
	for name := range bytes.SplitAfterSeq(all[:k], []byte{0}) {
		if bytes.HasPrefix(name, []byte(userXattr)) {
			users = append(users, name...)
		}
	}
	if len(p) < len(users) {
		return uint32(len(users)), fuse.ERANGE
	}
	return uint32(copy(p, users)), fuse.OK
}

// SetXAttr implements fuse.RawFileSystem.
func (f *fileSystem) SetXAttr(_ <-chan struct{}, in *fuse.SetXAttrIn, name string, value []byte) fuse.Status {
	if uint64(in.Size) > uint64(len(value)) {
		return fuse.EINVAL
	}
	n, e := f.xattrs(in.NodeId, name)
	if e != 0 {
		return fuse.Status(e)
	}
	defer n.done()
	return status(unix.Setxattr(path(n.fd), name, value[:in.Size], int(in.Flags)))
}

// RemoveXAttr implements fuse.RawFileSystem.
func (f *fileSystem) RemoveXAttr(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	n, e := f.xattrs(h.NodeId, name)
	if e != 0 {
		return fuse.Status(e)
	}
	defer n.done()
	return status(unix.Removexattr(path(n.fd), name))
}
