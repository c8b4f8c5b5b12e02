package fs

import (
	"bytes"
	"encoding/binary"
	"os"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fuse"

	"linuxkvm/virtio/internal/drive"
)

// Data is where the guest has it, however it cuts requests and answers into pieces.
func TestDataInPieces(t *testing.T) {
	c := newClient(t, Config{})
	node, fh := c.create(rootNode, "f")
	content := []byte("what a guest writes in several pieces")
	q := c.Queue(1)
	m := c.encode(opWrite, node, fh, uint64(3), len(content), 0, uint64(0), 0, 0, content)
	answer := c.In(24)
	q.Add(c.Out(m[:7]), c.Out(m[7:60]), c.Out(m[60:dataHeader+9]), c.Out(m[dataHeader+9:]), answer)
	q.Kick()
	if _, n := q.WaitUsed(); n != 24 {
		t.Fatalf("%d bytes of an answer", n)
	}
	if got := binary.LittleEndian.Uint32(c.Get(answer.GPA+outHeader, 4)); int(got) != len(content) {
		t.Errorf("%d bytes written, want %d", got, len(content))
	}
	if b, err := os.ReadFile(c.at("f")); err != nil || !bytes.Equal(b, append(make([]byte, 3), content...)) {
		t.Errorf("the host has %q, %v", b, err)
	}
	m = c.encode(opRead, node, fh, uint64(3), 100, 0, uint64(0), 0, 0)
	head, one, two := c.In(outHeader-1), c.In(6), c.In(100)
	q.Add(c.Out(m), head, one, two)
	q.Kick()
	if _, n := q.WaitUsed(); n != outHeader+len(content) {
		t.Fatalf("%d bytes of an answer", n)
	}
	if got := append(c.Get(one.GPA+1, 5), c.Get(two.GPA, len(content)-5)...); !bytes.Equal(got, content) {
		t.Errorf("read %q", got)
	}
}

// Data outside of the guest's memory is an error to the guest, and the file is as it was.
func TestDataOutsideOfMemory(t *testing.T) {
	c := newClient(t, Config{})
	node, fh := c.create(rootNode, "f")
	c.write(node, fh, 0, []byte("as it was"))
	q := c.Queue(1)
	outside := func(write bool) drive.Buffer {
		return drive.Buffer{GPA: 0xffff_ffff_0000_0000, Size: 50, Write: write}
	}
	answer := c.In(24)
	m := c.encode(opWrite, node, fh, uint64(0), 50, 0, uint64(0), 0, 0, make([]byte, 50))
	for _, chain := range [][]drive.Buffer{
		{c.Out(m[:dataHeader]), outside(false), answer},
		{c.Out(c.encode(opRead, node, fh, uint64(0), 50, 0, uint64(0), 0, 0)), answer, outside(true)},
	} {
		q.Add(chain...)
		q.Kick()
		if _, n := q.WaitUsed(); n != outHeader {
			t.Errorf("%d bytes of an answer", n)
		}
		if got := binary.LittleEndian.Uint32(c.Get(answer.GPA+4, 4)); int32(got) != -int32(syscall.EFAULT) {
			t.Errorf("%d, want %v", int32(got), syscall.EFAULT)
		}
	}
	if b, err := os.ReadFile(c.at("f")); err != nil || string(b) != "as it was" {
		t.Errorf("the host has %q, %v", b, err)
	}
}

// A guest is told that it has nothing to flush when it closes a file.
func TestNoFlush(t *testing.T) {
	c := newClient(t, Config{})
	b := c.must(0, opCreate, rootNode, syscall.O_RDWR, 0o100644, 0, 0, "f")
	for what, answer := range map[string][]byte{
		"create":              b[128:],
		"create of a present": c.must(0, opCreate, rootNode, syscall.O_RDWR, 0o100644, 0, 0, "f")[128:],
		"open":                c.must(0, opOpen, first(b), syscall.O_RDONLY, 0),
	} {
		if flags := binary.LittleEndian.Uint32(answer[8:]); flags&fuse.FOPEN_NOFLUSH == 0 {
			t.Errorf("%s: flags %#x", what, flags)
		}
	}
}
