package fs

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"

	"linuxkvm/virtio/internal/drive"
)

// client does to a device what a guest's FUSE does.
type client struct {
	*drive.Driver
	dev    *Device
	dir    string // that is shared
	unique uint64
	uid    uint32
}

// answerRoom is how much a client has room for, beside what it reads.
const answerRoom = outHeader + outFields

// newClient makes a directory "shared" with a canary beside it, shares it, and mounts.
func newClient(t testing.TB, cfg Config) *client {
	t.Helper()
	outside := t.TempDir()
	cfg.Tag, cfg.Dir = "work", filepath.Join(outside, "shared")
	for _, err := range []error{
		os.Mkdir(cfg.Dir, 0o755),
		os.WriteFile(filepath.Join(outside, "canary"), []byte("alive"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if b, err := os.ReadFile(filepath.Join(outside, "canary")); err != nil || string(b) != "alive" {
			t.Errorf("the canary outside of the share: %q, %v", b, err)
		}
		if all, err := os.ReadDir(outside); err != nil || len(all) != 2 {
			t.Errorf("beside the share: %v, %v, want the canary only", all, err)
		}
	})
	dev, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &client{Driver: drive.New(t, dev), dev: dev, dir: cfg.Dir, uid: uint32(os.Geteuid())}
	c.Start(0)
	c.mount()
	return c
}

func (c *client) at(name string) string { return filepath.Join(c.dir, name) }

// encode makes a request of numbers (uint64 and uint32), names and data.
func (c *client) encode(op uint32, node uint64, parts ...any) []byte {
	c.unique++
	b := make([]byte, inHeader)
	le := binary.LittleEndian
	le.PutUint32(b[headerOp:], op)
	le.PutUint64(b[headerUniq:], c.unique)
	le.PutUint64(b[headerNode:], node)
	le.PutUint32(b[headerNode+8:], c.uid)
	le.PutUint32(b[headerNode+12:], uint32(os.Getegid()))
	for _, p := range parts {
		switch v := p.(type) {
		case uint64:
			b = le.AppendUint64(b, v)
		case uint32:
			b = le.AppendUint32(b, v)
		case int:
			b = le.AppendUint32(b, uint32(v))
		case string:
			b = append(append(b, v...), 0)
		case []byte:
			b = append(b, v...)
		default:
			c.T.Fatalf("no encoding of %T", p)
		}
	}
	le.PutUint32(b, uint32(len(b)))
	return b
}

// do sends a request and returns the answer after its header.
func (c *client) do(room int, op uint32, node uint64, parts ...any) ([]byte, syscall.Errno) {
	c.T.Helper()
	b := c.Queue(1).Do(c.encode(op, node, parts...), answerRoom+room)
	if len(b) < outHeader || int(binary.LittleEndian.Uint32(b)) != len(b) || binary.LittleEndian.Uint64(b[8:]) != c.unique {
		c.T.Fatalf("opcode %d: answer % x to request %d", op, b, c.unique)
	}
	return b[outHeader:], syscall.Errno(-int32(binary.LittleEndian.Uint32(b[4:])))
}

// must is do that must succeed.
func (c *client) must(room int, op uint32, node uint64, parts ...any) []byte {
	c.T.Helper()
	b, e := c.do(room, op, node, parts...)
	if e != 0 {
		c.T.Fatalf("opcode %d: %v", op, e)
	}
	return b
}

// refused is do that must fail.
func (c *client) refused(want syscall.Errno, op uint32, node uint64, parts ...any) {
	c.T.Helper()
	if _, e := c.do(4096, op, node, parts...); e != want {
		c.T.Errorf("opcode %d: %v, want %v", op, e, want)
	}
}

func first(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func (c *client) mount() {
	c.T.Helper()
	const flags = fuse.CAP_BIG_WRITES | fuse.CAP_READDIRPLUS | fuse.CAP_MAX_PAGES | fuse.CAP_NO_OPEN_SUPPORT |
		fuse.CAP_INIT_EXT | fuse.CAP_ASYNC_READ
	c.must(0, opInit, 0, 7, 38, 1<<20, flags, make([]byte, 48))
}

// Opcodes that the tests name.
const (
	opLookup, opGetAttr, opSetAttr, opReadlink, opSymlink     = 1, 3, 4, 5, 6
	opMknod, opMkdir, opUnlink, opRmdir, opRename, opLink     = 8, 9, 10, 11, 12, 13
	opStatFS, opRelease, opFsync, opSetXAttr, opRemoveXAttr   = 17, 18, 20, 21, 24
	opFlush, opOpenDir, opReleaseDir, opFsyncDir, opCreate    = 25, 27, 29, 30, 35
	opInterrupt, opFallocate, opRename2, opLseek, opCopyRange = 36, 43, 45, 46, 47
)

func (c *client) lookup(dir uint64, name string) uint64 {
	c.T.Helper()
	return first(c.must(0, opLookup, dir, name))
}

// forget takes lookups back, on the queue of high priority.
func (c *client) forget(node, lookups uint64) {
	c.T.Helper()
	if b := c.Queue(0).Do(c.encode(opForget, node, lookups), 0); len(b) != 0 {
		c.T.Errorf("an answer of %d bytes to FORGET", len(b))
	}
}

// create makes a file and returns its node and the handle that is open.
func (c *client) create(dir uint64, name string) (node, fh uint64) {
	c.T.Helper()
	b := c.must(0, opCreate, dir, syscall.O_RDWR, 0o100644, 0, 0, name)
	return first(b), first(b[128:])
}

func (c *client) open(node uint64, flags int) uint64 {
	c.T.Helper()
	return first(c.must(0, opOpen, node, flags, 0))
}

func (c *client) write(node, fh, off uint64, data []byte) int {
	c.T.Helper()
	b := c.must(0, opWrite, node, fh, off, len(data), 0, uint64(0), 0, 0, data)
	return int(binary.LittleEndian.Uint32(b))
}

func (c *client) read(node, fh, off uint64, n int) []byte {
	c.T.Helper()
	return c.must(n, opRead, node, fh, off, n, 0, uint64(0), 0, 0)
}

func (c *client) release(op uint32, node, fh uint64) {
	c.T.Helper()
	c.must(0, op, node, fh, 0, 0, uint64(0))
}

// list reads a whole directory in pieces of n bytes.
func (c *client) list(op uint32, node uint64, n int) map[string]uint64 {
	c.T.Helper()
	fh := first(c.must(0, opOpenDir, node, 0, 0))
	defer c.release(opReleaseDir, node, fh)
	found := map[string]uint64{}
	for off := uint64(0); ; {
		b := c.must(n, op, node, fh, off, n, 0, uint64(0), 0, 0)
		if len(b) == 0 {
			return found
		}
		entries, nodes := c.parse(op, b)
		for i, e := range entries {
			if _, twice := found[e.Name]; twice {
				c.T.Errorf("%q twice", e.Name)
			}
			found[e.Name], off = nodes[i].NodeId, e.Off
		}
	}
}

func (c *client) parse(op uint32, b []byte) ([]fuse.DirEntry, []fuse.EntryOut) {
	c.T.Helper()
	var entries []fuse.DirEntry
	var nodes []fuse.EntryOut
	var err error
	if op == opReadDirPlus {
		entries, nodes, err = fuse.ParseDirLookupEntries(b)
	} else {
		entries, err = fuse.ParseDirEntries(b)
		nodes = make([]fuse.EntryOut, len(entries))
	}
	if err != nil {
		c.T.Fatal(err)
	}
	return entries, nodes
}
