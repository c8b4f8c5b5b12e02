package fs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"reflect"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// What a guest writes is in the host's file, and the other way around.
func TestReadWrite(t *testing.T) {
	c := newClient(t, Config{})
	dir := first(c.must(0, opMkdir, rootNode, 0o700, 0, "d"))
	node, fh := c.create(dir, "f")
	data := bytes.Repeat([]byte("0123456789abcdef"), maxWrite/16)
	if n := c.write(node, fh, 5, data); n != len(data) {
		t.Errorf("%d bytes written", n)
	}
	c.must(0, opFlush, node, fh, 0, 0, uint64(0))
	c.must(0, opFsync, node, fh, 0, 0)
	c.must(0, opFsync, node, fh, 1, 0)
	host, err := os.ReadFile(c.at("d/f"))
	if err != nil || !bytes.Equal(host, append(make([]byte, 5), data...)) {
		t.Errorf("the host has %d bytes, %v", len(host), err)
	}
	if got := c.read(node, fh, 5, maxWrite); !bytes.Equal(got, data) {
		t.Errorf("%d other bytes read", len(got))
	}
	if got := c.read(node, fh, uint64(len(data)), 100); len(got) != 5 {
		t.Errorf("%d bytes at the end, want 5", len(got))
	}
	c.release(opRelease, node, fh)
	c.refused(syscall.EBADF, opRead, node, fh, uint64(0), 10, 0, uint64(0), 0, 0)
	fh = c.open(node, syscall.O_RDONLY)
	c.refused(syscall.EBADF, opWrite, node, fh, uint64(0), 1, 0, uint64(0), 0, 0, []byte{1})
	if c.lookup(dir, "f") != node {
		t.Error("one file is two inodes")
	}
}

// Every kind of file is made and taken away.
func TestEntries(t *testing.T) {
	c := newClient(t, Config{})
	c.must(0, opMknod, rootNode, syscall.S_IFIFO|0o666, 0, 0, 0, "fifo")
	c.must(0, opMknod, rootNode, syscall.S_IFSOCK|0o666, 0, 0, 0, "socket")
	file := first(c.must(0, opMknod, rootNode, syscall.S_IFREG|0o666, 0, 0, 0, "file"))
	c.refused(syscall.EPERM, opMknod, rootNode, syscall.S_IFCHR|0o666, 0x103, 0, 0, "null")
	link := first(c.must(0, opSymlink, rootNode, "sym", "/nowhere/at/all"))
	if got := c.must(4096, opReadlink, link); string(got) != "/nowhere/at/all" {
		t.Errorf("the symlink leads to %q", got)
	}
	c.refused(syscall.EINVAL, opReadlink, file)
	if again := first(c.must(0, opLink, rootNode, file, "hard")); again != file {
		t.Error("a hard link is another inode")
	}
	c.must(0, opRename, rootNode, uint64(rootNode), "hard", "moved")
	c.refused(syscall.EEXIST, opRename2, rootNode, uint64(rootNode), 1, 0, "moved", "sym")
	c.must(0, opRename2, rootNode, uint64(rootNode), 2, 0, "moved", "sym")
	c.refused(syscall.EINVAL, opRename2, rootNode, uint64(rootNode), 4, 0, "moved", "white")
	if target, err := os.Readlink(c.at("moved")); err != nil || target != "/nowhere/at/all" {
		t.Errorf("exchanged: %q, %v", target, err)
	}
	if mode := modeAt(t, c.at("fifo")); mode != unix.S_IFIFO|0o666 {
		t.Errorf("mode of the fifo: %#o", mode)
	}
	dir := first(c.must(0, opMkdir, rootNode, 0o777, 0, "dir"))
	c.create(dir, "in")
	c.refused(syscall.ENOTEMPTY, opRmdir, rootNode, "dir")
	c.must(0, opUnlink, dir, "in")
	c.must(0, opRmdir, rootNode, "dir")
	for _, name := range []string{"fifo", "socket", "file", "sym", "moved"} {
		c.must(0, opUnlink, rootNode, name)
	}
	if all, err := os.ReadDir(c.dir); err != nil || len(all) != 0 {
		t.Errorf("left: %v, %v", all, err)
	}
	c.must(0, opStatFS, rootNode)
	c.must(0, opAccess, rootNode, 4, 0)
}

func modeAt(t *testing.T, name string) uint32 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		t.Fatal(err)
	}
	return st.Mode
}

// setattr encodes its fields.
func setattr(valid uint32, size uint64, mtime uint64, mode, uid uint32) []any {
	return []any{
		valid, 0, uint64(0), size, uint64(0), uint64(0), mtime, uint64(0), 0, 7, 0, mode, 0, uid, 0, 0,
	}
}

func TestAttributes(t *testing.T) {
	c := newClient(t, Config{})
	node, fh := c.create(rootNode, "f")
	c.write(node, fh, 0, []byte("0123456789"))
	c.must(0, opSetAttr, node, setattr(fuse.FATTR_MODE|fuse.FATTR_SIZE|fuse.FATTR_MTIME, 4, 1e9, 0o640, 0)...)
	var st unix.Stat_t
	if err := unix.Stat(c.at("f"), &st); err != nil {
		t.Fatal(err)
	}
	if st.Size != 4 || st.Mode != unix.S_IFREG|0o640 || st.Mtim.Sec != 1e9 || st.Mtim.Nsec != 7 {
		t.Errorf("size %d, mode %#o, time %v", st.Size, st.Mode, st.Mtim)
	}
	if b := c.must(0, opGetAttr, node, 0, 0, uint64(0)); first(b[16:]) != st.Ino || first(b[24:]) != 4 {
		t.Errorf("attributes % x", b)
	}
	c.must(0, opFallocate, node, fh, uint64(0), uint64(8192), 0, 0)
	c.refused(syscall.EOPNOTSUPP, opFallocate, node, fh, uint64(0), uint64(4096), unix.FALLOC_FL_COLLAPSE_RANGE, 0)
	if b := c.must(0, opLseek, node, fh, uint64(0), unix.SEEK_HOLE, 0); first(b) > 8192 {
		t.Errorf("a hole at %d", first(b))
	}
	other, to := c.create(rootNode, "copy")
	if b := c.must(0, opCopyRange, node, fh, uint64(1), other, to, uint64(0), uint64(3), uint64(0)); first(b) != 3 {
		t.Errorf("%d bytes copied", first(b))
	}
	if got := c.read(other, to, 0, 10); string(got) != "123" {
		t.Errorf("%q copied", got)
	}
}

// Who is not root squashes: the rule is tried as whoever runs the test.
func TestOwners(t *testing.T) {
	for _, squash := range []bool{false, true} {
		if !squash && os.Geteuid() != 0 {
			continue // there is no other way to be than squashed
		}
		c := newClient(t, Config{Squash: squash})
		c.uid = 1234
		node, _ := c.create(rootNode, "f")
		c.uid = uint32(os.Geteuid())
		_, e := c.do(0, opSetAttr, node, setattr(fuse.FATTR_UID, 0, 0, 0, 4321)...)
		c.must(0, opSetAttr, node, setattr(fuse.FATTR_MODE, 0, 0, 0o4755, 0)...)
		var st unix.Stat_t
		if err := unix.Stat(c.at("f"), &st); err != nil {
			t.Fatal(err)
		}
		wantUID, wantMode, wantErr := uint32(4321), uint32(unix.S_IFREG|0o4755), syscall.Errno(0)
		if squash {
			wantUID, wantMode, wantErr = uint32(os.Geteuid()), unix.S_IFREG|0o755, syscall.EPERM
		}
		if st.Uid != wantUID || st.Mode != wantMode || e != wantErr {
			t.Errorf("squashed %v: owner %d, mode %#o, %v", squash, st.Uid, st.Mode, e)
		}
	}
}

func TestDirectories(t *testing.T) {
	c := newClient(t, Config{})
	want := map[string]bool{".": true, "..": true}
	for i := range 300 {
		name := fmt.Sprintf("a file of a longer name %d", i)
		want[name] = true
		if err := os.WriteFile(c.at(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, op := range []uint32{opReadDir, opReadDirPlus} {
		got := c.list(op, rootNode, 1000)
		if len(got) != len(want) {
			t.Errorf("%d entries, want %d", len(got), len(want))
		}
		for name, node := range got {
			plus := op == opReadDirPlus && name != "." && name != ".."
			if !want[name] || plus != (node != 0) || (plus && c.lookup(rootNode, name) != node) {
				t.Errorf("%q, inode %d", name, node)
			}
		}
	}
	fh := first(c.must(0, opOpenDir, rootNode, 0, 0))
	entries, _ := c.parse(opReadDir, c.must(maxWrite, opReadDir, rootNode, fh, uint64(0), maxWrite, 0, uint64(0), 0, 0))
	for _, e := range entries {
		if (e.Name == "..") != (e.Ino == fuse.FUSE_UNKNOWN_INO) {
			t.Errorf("%q is inode %d of the host", e.Name, e.Ino)
		}
	}
	c.must(0, opFsyncDir, rootNode, fh, 0, 0)
	c.refused(syscall.EISDIR, opRead, rootNode, fh, uint64(0), 10, 0, uint64(0), 0, 0)
}

func TestXAttrs(t *testing.T) {
	c := newClient(t, Config{})
	node, _ := c.create(rootNode, "f")
	if err := unix.Setxattr(c.at("f"), "user.probe", nil, 0); err != nil {
		t.Skipf("attributes of users: %v; set TMPDIR to a file system that has them", err)
	}
	c.must(0, opSetXAttr, node, 5, 0, "user.a", []byte("value"))
	if b := c.must(100, opGetXAttr, node, 100, 0, "user.a"); string(b) != "value" {
		t.Errorf("%q", b)
	}
	if b := c.must(0, opGetXAttr, node, 0, 0, "user.a"); first(b) != 5 {
		t.Errorf("size % x", b)
	}
	c.refused(syscall.ERANGE, opGetXAttr, node, 2, 0, "user.a")
	names := "user.probe\x00user.a\x00"
	if b := c.must(0, opListXAttr, node, 0, 0); first(b) != uint64(len(names)) {
		t.Errorf("size of the list % x", b)
	}
	if b := c.must(100, opListXAttr, node, 100, 0); len(b) != len(names) || !bytes.Contains(b, []byte("user.a\x00")) {
		t.Errorf("list %q", b)
	}
	c.must(0, opRemoveXAttr, node, "user.a")
	c.refused(syscall.ENODATA, opGetXAttr, node, 100, 0, "user.a")
	for _, name := range []string{"trusted.a", "security.capability", "system.posix_acl_access"} {
		c.refused(syscall.EOPNOTSUPP, opSetXAttr, node, 1, 0, name, []byte("x"))
		c.refused(syscall.EOPNOTSUPP, opGetXAttr, node, 100, 0, name)
	}
	c.refused(syscall.EINVAL, opSetXAttr, node, 99, 0, "user.a", []byte("x"))
}

// The sizes by which requests are checked are those that go-fuse casts to.
func TestFields(t *testing.T) {
	for op, in := range map[uint32]any{
		opForget: fuse.ForgetIn{}, opGetAttr: fuse.GetAttrIn{}, opSetAttr: fuse.SetAttrIn{}, opMknod: fuse.MknodIn{},
		opMkdir: fuse.MkdirIn{}, opLink: fuse.LinkIn{}, opOpen: fuse.OpenIn{}, opRead: fuse.ReadIn{}, opWrite: fuse.WriteIn{},
		opRelease: fuse.ReleaseIn{}, opFsync: fuse.FsyncIn{}, opGetXAttr: fuse.GetXAttrIn{}, opListXAttr: fuse.GetXAttrIn{},
		opFlush: fuse.FlushIn{}, opOpenDir: fuse.OpenIn{}, opReadDir: fuse.ReadIn{}, opReleaseDir: fuse.ReleaseIn{},
		opFsyncDir: fuse.FsyncIn{}, opAccess: fuse.AccessIn{}, opCreate: fuse.CreateIn{}, opFallocate: fuse.FallocateIn{},
		opReadDirPlus: fuse.ReadIn{}, opRename2: fuse.RenameIn{}, opLseek: fuse.LseekIn{}, opCopyRange: fuse.CopyFileRangeIn{},
	} {
		if want := int(reflect.TypeOf(in).Size()) - inHeader; fields[op] != want {
			t.Errorf("opcode %d: %d bytes, want %d", op, fields[op], want)
		}
	}
	for op := range fields {
		if !reading[op] && !writing[op] {
			t.Errorf("opcode %d is served, but neither reads nor writes", op)
		}
	}
}

func TestInit(t *testing.T) {
	c := newClient(t, Config{Queues: 2})
	if got := c.Config(0, 40); string(got[:5]) != "work\x00" || binary.LittleEndian.Uint32(got[36:]) != 2 {
		t.Errorf("configuration % x", got)
	}
	c.refused(syscall.EIO, opInit, 0, 7, 38, 1<<20, 0, make([]byte, 48))
	c.must(0, opDestroy, 0)
	c.refused(syscall.EIO, opGetAttr, rootNode, 0, 0, uint64(0))
	c.refused(syscall.EPROTO, opInit, 0, 8, 0, 0, 0)
	c.refused(syscall.EPROTO, opInit, 0, 7, 11, 0, 0)
	b := c.must(0, opInit, 0, 7, 31, 1<<20, -1, make([]byte, 48))
	flags := uint64(binary.LittleEndian.Uint32(b[12:])) | uint64(binary.LittleEndian.Uint32(b[32:]))<<32
	if flags&off != 0 || flags&fuse.CAP_READDIRPLUS == 0 || flags&fuse.CAP_MAX_PAGES == 0 {
		t.Errorf("capabilities %#x", flags)
	}
	if write := binary.LittleEndian.Uint32(b[20:]); write < 4096 || write > maxWrite {
		t.Errorf("writes of %d bytes", write)
	}
	c.must(0, opGetAttr, rootNode, 0, 0, uint64(0))
}
