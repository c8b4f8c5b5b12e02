package fs

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// descriptors are those that this process has open.
func descriptors(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// No name leads out, with whatever opcode it comes.
func TestNamesDoNotEscape(t *testing.T) {
	c := newClient(t, Config{})
	node, _ := c.create(rootNode, "f")
	root := uint64(rootNode)
	// What a broken share would take away is ours.
	outside := filepath.Join(t.TempDir(), "canary")
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"..", ".", "", "/", "../canary", outside, "f/../../canary", "x/y"} {
		c.refused(syscall.EINVAL, opLookup, rootNode, name)
		c.refused(syscall.EINVAL, opMknod, rootNode, syscall.S_IFREG|0o666, 0, 0, 0, name)
		c.refused(syscall.EINVAL, opMkdir, rootNode, 0o777, 0, name)
		c.refused(syscall.EINVAL, opCreate, rootNode, syscall.O_RDWR, 0o666, 0, 0, name)
		c.refused(syscall.EINVAL, opSymlink, rootNode, name, "target")
		c.refused(syscall.EINVAL, opLink, rootNode, node, name)
		c.refused(syscall.EINVAL, opUnlink, rootNode, name)
		c.refused(syscall.EINVAL, opRmdir, rootNode, name)
		c.refused(syscall.EINVAL, opRename, rootNode, root, "f", name)
		c.refused(syscall.EINVAL, opRename2, rootNode, root, 2, 0, name, "f")
	}
}

// A symlink is never followed by the host: neither on the way nor at the end.
func TestSymlinksDoNotEscape(t *testing.T) {
	c := newClient(t, Config{})
	for name, target := range map[string]string{"file": "../canary", "dir": "..", "magic": "/proc/self/root"} {
		node := first(c.must(0, opSymlink, rootNode, name, target))
		c.refused(syscall.ENOTDIR, opLookup, node, "canary")
		c.refused(syscall.ENOTDIR, opCreate, node, syscall.O_RDWR, 0o666, 0, 0, "made")
		c.refused(syscall.EACCES, opOpen, node, syscall.O_RDWR, 0)
		c.refused(syscall.EACCES, opOpenDir, node, 0, 0)
		c.refused(syscall.EACCES, opSetAttr, node, setattr(1<<3, 0, 0, 0, 0)...)
		c.refused(syscall.EOPNOTSUPP, opSetAttr, node, setattr(1, 0, 0, 0o777, 0)...)
		c.refused(syscall.EOPNOTSUPP, opSetXAttr, node, 1, 0, "user.a", []byte("x"))
		c.refused(syscall.EACCES, opCreate, rootNode, syscall.O_RDWR|syscall.O_TRUNC, 0o666, 0, 0, name)
		hard := first(c.must(0, opLink, rootNode, node, name+" again"))
		if hard != node {
			t.Errorf("%s: a hard link to a symlink led elsewhere", name)
		}
		c.must(0, opSetAttr, node, setattr(1<<5, 0, 1e9, 0, 0)...) // its own time
	}
	st, err := os.Stat(filepath.Join(c.dir, "..", "canary"))
	if err != nil || st.ModTime().Unix() == 1e9 || st.Mode() != 0o600 {
		t.Errorf("the canary: %v, %v", st, err)
	}
}

// A directory that the host swaps for a symlink leads nowhere, and one that the guest
// knows is still itself.
func TestSwapDoesNotEscape(t *testing.T) {
	c := newClient(t, Config{})
	dir := first(c.must(0, opMkdir, rootNode, 0o777, 0, "dir"))
	if err := os.Rename(c.at("dir"), c.at("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..", c.at("dir")); err != nil {
		t.Fatal(err)
	}
	c.refused(syscall.ENOENT, opLookup, dir, "canary")
	c.create(dir, "made")
	if _, err := os.Stat(c.at("old/made")); err != nil {
		t.Error(err)
	}
	swapped := c.lookup(rootNode, "dir")
	if swapped == dir {
		t.Error("the symlink is the directory")
	}
	c.refused(syscall.ENOTDIR, opLookup, swapped, "canary")
}

// Special files are seen and not opened; a fifo blocks nobody.
func TestSpecialFiles(t *testing.T) {
	c := newClient(t, Config{})
	for name, kind := range map[string]int{"fifo": syscall.S_IFIFO, "socket": syscall.S_IFSOCK} {
		node := first(c.must(0, opMknod, rootNode, kind|0o666, 0, 0, 0, name))
		for _, flags := range []int{syscall.O_RDONLY, syscall.O_WRONLY, syscall.O_RDWR | syscall.O_TRUNC} {
			c.refused(syscall.EACCES, opOpen, node, flags, 0)
			c.refused(syscall.EACCES, opCreate, rootNode, flags, 0o666, 0, 0, name)
		}
	}
	if err := unix.Mknod(c.at("zero"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))); err != nil {
		t.Logf("no device was made: %v", err)
		return
	}
	c.refused(syscall.EACCES, opOpen, c.lookup(rootNode, "zero"), syscall.O_RDONLY, 0)
}

// What a read-only share refuses has not happened.
func TestReadOnlyShare(t *testing.T) {
	c := newClient(t, Config{ReadOnly: true})
	if err := os.WriteFile(c.at("f"), []byte("kept"), 0o666); err != nil {
		t.Fatal(err)
	}
	node := c.lookup(rootNode, "f")
	fh := c.open(node, syscall.O_RDONLY)
	if got := c.read(node, fh, 0, 100); string(got) != "kept" {
		t.Errorf("%q", got)
	}
	if got := c.list(opReadDirPlus, rootNode, 4096); got["f"] != node {
		t.Errorf("listed: %v", got)
	}
	root := uint64(rootNode)
	c.refused(syscall.EROFS, opWrite, node, fh, uint64(0), 1, 0, uint64(0), 0, 0, []byte("x"))
	c.refused(syscall.EROFS, opOpen, node, syscall.O_RDWR, 0)
	c.refused(syscall.EROFS, opOpen, node, syscall.O_TRUNC, 0)
	c.refused(syscall.EROFS, opCreate, rootNode, 0, 0o666, 0, 0, "g")
	c.refused(syscall.EROFS, opSetAttr, node, setattr(1<<3, 0, 0, 0, 0)...)
	c.refused(syscall.EROFS, opUnlink, rootNode, "f")
	c.refused(syscall.EROFS, opRename, rootNode, root, "f", "g")
	c.refused(syscall.EROFS, opMkdir, rootNode, 0o777, 0, "d")
	c.refused(syscall.EROFS, opLink, rootNode, node, "g")
	c.refused(syscall.EROFS, opSymlink, rootNode, "g", "f")
	c.refused(syscall.EROFS, opSetXAttr, node, 1, 0, "user.a", []byte("x"))
	c.refused(syscall.EROFS, opFallocate, node, fh, uint64(0), uint64(4096), 0, 0)
	c.refused(syscall.EROFS, opCopyRange, node, fh, uint64(0), node, fh, uint64(9), uint64(1), uint64(0))
	if b, err := os.ReadFile(c.at("f")); err != nil || string(b) != "kept" {
		t.Errorf("%q, %v", b, err)
	}
	if all, err := os.ReadDir(c.dir); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}

// Sizes that lie get an error, and the device goes on.
func TestHostileSizes(t *testing.T) {
	c := newClient(t, Config{})
	node, fh := c.create(rootNode, "f")
	for _, n := range []uint32{maxWrite + 1, math.MaxInt32, math.MaxUint32} {
		c.refused(syscall.EINVAL, opRead, node, fh, uint64(0), n, 0, uint64(0), 0, 0)
		c.refused(syscall.EINVAL, opReadDirPlus, node, fh, uint64(0), n, 0, uint64(0), 0, 0)
		c.refused(syscall.EINVAL, opListXAttr, node, n, 0)
		c.refused(syscall.EINVAL, opWrite, node, fh, uint64(0), n, 0, uint64(0), 0, 0, []byte("x"))
	}
	c.refused(syscall.EIO, opRead, node, fh, uint64(0), maxWrite, 0, uint64(0), 0, 0) // more than there is room for
	c.refused(syscall.EINVAL, opRead, node, fh, uint64(1<<63), 10, 0, uint64(0), 0, 0)
	c.refused(syscall.EINVAL, opLookup, 0xffff_ffff_ffff_ffff>>1, strings.Repeat("a", 3)+"/")
	c.refused(syscall.ENAMETOOLONG, opLookup, rootNode, strings.Repeat("a", 60000))
	c.refused(syscall.ESTALE, opGetAttr, math.MaxUint64, 0, 0, uint64(0))
	c.refused(syscall.ESTALE, opGetAttr, 12345, 0, 0, uint64(0))
	c.refused(syscall.ENOENT, opLookup, rootNode, goFuseName)
	c.refused(syscall.ENOENT, opCreate, rootNode, 2, 0o666, 0, 0, goFuseName)
	c.refused(syscall.ENOSYS, opInterrupt, 0, uint64(1))
	for op, n := range fields {
		if n > 0 && op != opForget && op != opBatchForget {
			c.refused(syscall.EINVAL, op, rootNode, make([]byte, n-1))
		}
	}
	for _, op := range []uint32{0, 31, 37, 39, 40, 41, 48, 51, 53, 100, 4096, math.MaxUint32} {
		c.refused(syscall.ENOSYS, op, rootNode, make([]byte, 100))
	}
	extended := c.encode(opGetAttr, rootNode, make([]byte, 16))
	extended[headerExt] = 1
	if b := c.Queue(1).Do(extended, answerRoom); int32(binary.LittleEndian.Uint32(b[4:])) != -int32(syscall.EINVAL) {
		t.Errorf("an extension was taken: % x", b)
	}
	for _, room := range []int{0, 1, outHeader - 1, outHeader} {
		if b := c.Queue(1).Do(c.encode(opGetAttr, rootNode, make([]byte, 16)), room); len(b) != room {
			t.Errorf("%d bytes written to %d", len(b), room)
		}
	}
	c.must(0, opGetAttr, rootNode, 0, 0, uint64(0))
}

// A guest that keeps everything gets ENFILE, and what it lets go can be used again.
func TestLimits(t *testing.T) {
	c := newClient(t, Config{MaxInodes: 3, MaxFiles: 2})
	a, _ := c.create(rootNode, "a")
	b, fh := c.create(rootNode, "b")
	c.refused(syscall.ENFILE, opMkdir, rootNode, 0o777, 0, "d")
	c.refused(syscall.ENFILE, opOpen, a, syscall.O_RDONLY, 0)
	before := descriptors(t)
	c.refused(syscall.ENFILE, opCreate, rootNode, 2, 0o666, 0, 0, "e")
	c.refused(syscall.ENFILE, opLookup, rootNode, "d")
	if n := descriptors(t); n != before {
		t.Errorf("%d descriptors after, %d before what was refused", n, before)
	}
	c.release(opRelease, b, fh)
	c.open(a, syscall.O_RDONLY)
	c.forget(b, math.MaxUint64)
	c.forget(rootNode, math.MaxUint64)
	c.lookup(rootNode, "d")
	c.refused(syscall.ESTALE, opGetAttr, b, 0, 0, uint64(0))
	c.must(0, opGetAttr, rootNode, 0, 0, uint64(0))
}

func TestForget(t *testing.T) {
	c := newClient(t, Config{})
	before := descriptors(t)
	node := first(c.must(0, opMkdir, rootNode, 0o777, 0, "d"))
	c.lookup(rootNode, "d")
	c.forget(node, 1)
	c.must(0, opGetAttr, node, 0, 0, uint64(0))
	batch := c.encode(opBatchForget, 0, 9, 0, node, uint64(1), uint64(999), uint64(1)) // claims more than there is
	if b := c.Queue(0).Do(batch, 0); len(b) != 0 {
		t.Errorf("an answer % x to BATCH_FORGET", b)
	}
	c.refused(syscall.ESTALE, opGetAttr, node, 0, 0, uint64(0))
	if n := descriptors(t); n != before {
		t.Errorf("%d descriptors, %d before", n, before)
	}
	if b := c.Queue(0).Do(c.encode(opStatFS, rootNode), 100); int32(binary.LittleEndian.Uint32(b[4:])) != -int32(syscall.ENOSYS) {
		t.Errorf("the queue of high priority serves % x", b)
	}
}

// Every mount begins anew, after an unmount and after a reset, and leaks nothing.
func TestMountsLeakNothing(t *testing.T) {
	c := newClient(t, Config{})
	before := descriptors(t)
	var node, fh uint64
	for i := range 6 {
		node, fh = c.create(rootNode, "f")
		c.must(0, opOpenDir, rootNode, 0, 0)
		c.list(opReadDirPlus, rootNode, 4096)
		if n := descriptors(t); n <= before {
			t.Fatalf("%d descriptors, %d before: nothing is open", n, before)
		}
		if i%2 == 0 {
			c.must(0, opDestroy, 0)
		} else {
			c.Start(0)
		}
		c.mount()
		if n := descriptors(t); n != before {
			t.Fatalf("%d descriptors after mount %d, %d before", n, i, before)
		}
	}
	c.refused(syscall.ESTALE, opGetAttr, node, 0, 0, uint64(0))
	c.refused(syscall.EBADF, opRead, node, fh, uint64(0), 10, 0, uint64(0), 0, 0)
}

// A reset in the midst of requests waits for them and leaks nothing.
func TestResetInTheMidst(t *testing.T) {
	c := newClient(t, Config{})
	before := descriptors(t)
	data := make([]byte, 64<<10)
	for i := range 20 {
		node, fh := c.create(rootNode, "f")
		undo := c.Rewind()
		for j := range 30 {
			var out []byte
			switch j % 3 {
			case 0:
				out = c.encode(opWrite, node, fh, uint64(j)<<16, len(data), 0, uint64(0), 0, 0, data)
			case 1:
				out = c.encode(opLookup, rootNode, "f")
			case 2:
				out = c.encode(opRelease, node, fh, 0, 0, uint64(0))
			}
			c.Queue(1).Add(c.Out(out), c.In(answerRoom))
		}
		c.Queue(1).Kick()
		time.Sleep(time.Duration(i%4) * time.Millisecond)
		c.Start(0)
		undo()
		c.mount()
		if n := descriptors(t); n != before {
			t.Fatalf("%d descriptors after reset %d, %d before", n, i, before)
		}
	}
}

// A table that is used by many at once closes each descriptor once.
func TestTableRace(t *testing.T) {
	dir := t.TempDir()
	before := descriptors(t)
	root, err := openRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := newTable(root, 100, 100)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 500 {
				fd, err := openRoot(dir)
				if err != nil {
					t.Error(err)
					return
				}
				id, e := files.open(fd)
				if e != 0 {
					t.Error(e)
					return
				}
				var both sync.WaitGroup
				both.Go(func() { files.release(id) })
				both.Go(func() {
					if f, e := files.file(id); e == 0 {
						var st unix.Stat_t
						if err := unix.Fstat(f.fd, &st); err != nil {
							t.Errorf("a descriptor was closed while it was used: %v", err)
						}
						f.done()
					}
				})
				both.Wait()
			}
		})
	}
	all.Wait()
	files.close()
	if n := descriptors(t); n != before {
		t.Errorf("%d descriptors, %d before", n, before)
	}
}

func TestConfigRefused(t *testing.T) {
	dir := t.TempDir()
	for _, cfg := range []Config{
		{Dir: dir}, {Tag: "a"}, {Tag: "a", Dir: dir + "/none"}, {Tag: "a", Dir: "/dev/null"},
		{Tag: strings.Repeat("a", 37), Dir: dir}, {Tag: "a", Dir: dir, Queues: 65},
		{Tag: "a", Dir: dir, Workers: -1}, {Tag: "a", Dir: dir, MaxInodes: -1},
	} {
		if d, err := New(cfg); err == nil {
			t.Errorf("%+v was taken", cfg)
			d.Close()
		} else {
			t.Log(err)
		}
	}
	d, err := New(Config{Tag: "a", Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := d.Start(nil); err == nil {
		t.Error("a closed device starts")
	}
}

type asked struct {
	op   uint32
	node uint64
	rest []byte
}

// program makes a guest's requests of bytes: an opcode, a node, a size, and what
// follows the header.
func program(b []byte) []asked {
	var all []asked
	for len(b) >= 4 && len(all) < 64 {
		op, node, n := uint32(b[0]%56), uint64(b[1]%8), int(b[2])
		rest := b[3:]
		n = min(n, len(rest))
		all = append(all, asked{op, node, rest[:n]})
		b = rest[n:]
	}
	return all
}

// Whatever a guest asks for, the answer is whole, nothing outside of the share
// changes, and an unmount closes everything.
func FuzzRequests(f *testing.F) {
	c := newClient(f, Config{MaxInodes: 64, MaxFiles: 16})
	for _, names := range []string{"../canary", "f\x00../canary", "..\x00f", "/proc/self/root", "a"} {
		var seed []byte
		for op := range byte(56) {
			args := append(make([]byte, fields[uint32(op)]), names...)
			args = append(args, 0)
			seed = append(append(seed, op, 1, byte(len(args))), args...)
		}
		f.Add(seed)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		seed := make([]byte, 2000)
		for i := range seed {
			seed[i] = byte(random.Uint32())
		}
		f.Add(seed)
	}
	readOnly := newClient(f, Config{ReadOnly: true})
	if err := os.WriteFile(readOnly.at("a"), []byte("kept"), 0o600); err != nil {
		f.Fatal(err)
	}
	kept := []syscall.Stat_t{stat(f, readOnly.dir), stat(f, readOnly.at("a"))}
	before := descriptors(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range []*client{c, readOnly} {
			c.T = t
			c.run(program(b))
			c.must(0, opDestroy, 0)
			if n := descriptors(t); n > before {
				t.Fatalf("%d descriptors, %d before", n, before)
			}
			c.mount()
			c.T = f
		}
		for i, name := range []string{readOnly.dir, readOnly.at("a")} {
			if now := stat(t, name); now.Ctim != kept[i].Ctim || now.Size != kept[i].Size {
				t.Fatalf("%s changed, read-only: %+v, was %+v", name, now, kept[i])
			}
		}
	})
}

func stat(t testing.TB, name string) syscall.Stat_t {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Lstat(name, &st); err != nil {
		t.Fatal(err)
	}
	return st
}

// run sends requests, of which each must have a whole answer.
func (c *client) run(requests []asked) {
	c.T.Helper()
	for _, r := range requests {
		if r.op == opCopyRange || r.op == opFallocate {
			continue // would only fill the disk
		}
		got := c.Queue(1).Do(c.encode(r.op, r.node, r.rest), answerRoom+4096)
		if silent := r.op == opForget || r.op == opBatchForget; silent != (len(got) == 0) || (!silent && !whole(got)) {
			c.T.Fatalf("opcode %d: answer % x", r.op, got)
		}
	}
}
