package fs

import (
	"os"
	"syscall"
	"testing"

	"linuxkvm/virtio/internal/drive"
)

// Of a whole host the guest sees that there is a /proc, and nothing of what is in it.
func TestSealed(t *testing.T) {
	dev, err := New(Config{Tag: "work", Dir: "/", ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	c := &client{Driver: drive.New(t, dev), dev: dev, dir: "/", uid: uint32(os.Geteuid())}
	c.Start(0)
	c.mount()
	proc := c.lookup(rootNode, "proc")
	c.must(1024, opGetAttr, proc, 0, 0, uint64(0))
	c.refused(syscall.EACCES, opOpenDir, proc, 0, 0)
	c.refused(syscall.EACCES, opLookup, proc, "self")
	c.refused(syscall.EACCES, opLookup, proc, "1")
	// Nor by way of an open directory that is another.
	fh := first(c.must(0, opOpenDir, rootNode, 0, 0))
	c.refused(syscall.EACCES, opReadDirPlus, proc, fh, uint64(0), 4096, 0, uint64(0), 0, 0)
	c.release(opReleaseDir, rootNode, fh)
	if nodes := c.list(opReadDirPlus, rootNode, 4096); nodes["proc"] != proc {
		t.Errorf("listed, proc is %d, and else %d", nodes["proc"], proc)
	}
	// What is no kernel's is not kept from it.
	dir := c.lookup(rootNode, "etc")
	c.list(opReadDirPlus, dir, 4096)

	for _, dir := range []string{"/proc", "/proc/self/fd", "/sys"} {
		if d, err := New(Config{Tag: "work", Dir: dir}); err == nil {
			t.Errorf("%s was taken", dir)
			_ = d.Close()
		}
	}
}
