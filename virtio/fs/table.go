package fs

import (
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// descriptor is a file of the host that is closed when nobody uses it any more: a
// guest may release a file while it reads it, and the number would be another's.
type descriptor struct {
	fd    int
	users atomic.Int32
}

func newDescriptor(fd int) *descriptor {
	d := &descriptor{fd: fd}
	d.users.Store(1)
	return d
}

func (d *descriptor) done() {
	if d.users.Add(-1) == 0 {
		_ = unix.Close(d.fd)
	}
}

// key is what makes two files of the host the same. While a node holds a descriptor
// of it, the host gives the number to no other file.
type key struct{ dev, ino uint64 }

// node is an inode that the guest knows; the descriptor is O_PATH.
type node struct {
	*descriptor
	id      uint64
	key     key
	mode    uint32 // of which only the kind never changes
	lookups uint64 // that the guest has not forgotten
	sealed  bool   // the guest sees that it is there, and no more
	cache   cache
}

// file is what the guest has open.
type file struct {
	*descriptor
	position sync.Mutex // a directory is read from there on
}

// table is what the guest knows by number. A number is never given twice.
type table struct {
	maxNodes, maxFiles int

	mu    sync.Mutex
	last  uint64 // number that was given
	nodes map[uint64]*node
	known map[key]*node // without the root: a guest takes it for an error to find it
	files map[uint64]*file
}

// newTable makes a table that knows only the root, whose descriptor it takes over.
func newTable(root, maxNodes, maxFiles int) *table {
	t := &table{
		maxNodes: maxNodes, maxFiles: maxFiles, last: fuse.FUSE_ROOT_ID,
		nodes: map[uint64]*node{}, known: map[key]*node{}, files: map[uint64]*file{},
	}
	var st syscall.Stat_t
	_ = syscall.Fstat(root, &st) // without it sealed asks more often
	t.nodes[fuse.FUSE_ROOT_ID] = &node{
		descriptor: newDescriptor(root), id: fuse.FUSE_ROOT_ID, mode: unix.S_IFDIR, key: key{st.Dev, st.Ino},
	}
	return t
}

// node returns an inode to work with, which the caller has to be done with.
func (t *table) node(id uint64) (*node, syscall.Errno) {
	n, e := t.any(id)
	if e == 0 && n.sealed {
		n.done()
		return nil, syscall.EACCES
	}
	return n, e
}

// any is node, of one to look at from outside.
func (t *table) any(id uint64) (*node, syscall.Errno) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.nodes[id]
	if n == nil {
		return nil, syscall.ESTALE
	}
	n.users.Add(1)
	return n, 0
}

// file returns an open file, which the caller has to be done with.
func (t *table) file(id uint64) (*file, syscall.Errno) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.files[id]
	if f == nil {
		return nil, syscall.EBADF
	}
	f.users.Add(1)
	return f, 0
}

// look counts a lookup of the inode behind an O_PATH descriptor, which it takes over.
func (t *table) look(fd int, st *syscall.Stat_t, sealed bool) (uint64, syscall.Errno) {
	k := key{st.Dev, st.Ino}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.known[k]
	if n != nil {
		n.lookups++
		_ = unix.Close(fd)
		return n.id, 0
	}
	if len(t.nodes) >= t.maxNodes {
		_ = unix.Close(fd)
		return 0, syscall.ENFILE
	}
	t.last++
	n = &node{descriptor: newDescriptor(fd), id: t.last, key: k, mode: st.Mode, lookups: 1, sealed: sealed}
	t.nodes[n.id], t.known[k] = n, n
	return n.id, 0
}

// forget takes lookups back.
func (t *table) forget(id, lookups uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.nodes[id]
	if n == nil || id == fuse.FUSE_ROOT_ID {
		return
	}
	if n.lookups -= min(lookups, n.lookups); n.lookups == 0 {
		delete(t.nodes, id)
		delete(t.known, n.key)
		n.done()
	}
}

// open gives a number to a descriptor, which it takes over.
func (t *table) open(fd int) (uint64, syscall.Errno) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.files) >= t.maxFiles {
		_ = unix.Close(fd)
		return 0, syscall.ENFILE
	}
	t.last++
	t.files[t.last] = &file{descriptor: newDescriptor(fd)}
	return t.last, 0
}

func (t *table) release(id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.files[id]; f != nil {
		delete(t.files, id)
		f.done()
	}
}

// close ends the table.
func (t *table) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.nodes {
		n.done()
	}
	for _, f := range t.files {
		f.done()
	}
	clear(t.nodes)
	clear(t.known)
	clear(t.files)
}
