package fs

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// What a guest has of a file stays good as long as the file's version does, and only
// from an open on after which no change can go unseen.
func TestCacheKeep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var c cache
	now := time.Now()
	for _, step := range []struct {
		what  string
		do    func()
		after time.Duration
		want  bool
	}{
		{"just made", nil, 0, false},
		{"nearly settled", nil, settleTime - time.Second, false},
		{"settled", nil, settleTime + time.Second, false},
		{"again", nil, settleTime + time.Second, true},
		{"changed, as long", func() { time.Sleep(20 * time.Millisecond); write("two") }, settleTime - time.Second, false},
		{"changed, again", nil, settleTime - time.Second, false},
		{"settled anew", nil, settleTime + time.Second, false},
		{"again anew", nil, settleTime + time.Second, true},
		{"changed, and its time set back", func() {
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
			write("six")
			if err := os.Chtimes(path, time.Time{}, info.ModTime()); err != nil {
				t.Fatal(err)
			}
		}, settleTime + time.Second, false},
	} {
		if step.do != nil {
			step.do()
		}
		if got := c.keep(int(f.Fd()), now.Add(step.after)); got != step.want {
			t.Errorf("%s: %v, want %v", step.what, got, step.want)
		}
	}
	if c.keep(-1, now) {
		t.Error("kept without a file")
	}
}

// The guest is told when it opens, and has said before that it looks at the times.
func TestOpenKeepsCache(t *testing.T) {
	t.Parallel()
	c, without := newClient(t, Config{KeepCache: true}), newClient(t, Config{})
	nodes := map[*client]uint64{}
	for _, c := range []*client{c, without} {
		if err := os.WriteFile(c.at("f"), []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
		nodes[c] = c.lookup(rootNode, "f")
	}
	open := func() bool {
		kept := map[*client]bool{}
		for c, node := range nodes {
			b := c.must(0, opOpen, node, syscall.O_RDONLY, 0)
			c.release(opRelease, node, first(b))
			kept[c] = binary.LittleEndian.Uint32(b[8:])&fuse.FOPEN_KEEP_CACHE != 0
		}
		if kept[without] {
			t.Error("kept although nobody has asked for it")
		}
		return kept[c]
	}
	for range 2 {
		if open() {
			t.Error("a file that is new is kept")
		}
	}
	time.Sleep(settleTime + 10*time.Millisecond)
	if open() {
		t.Error("kept without having been read when nothing could change unseen")
	}
	if !open() {
		t.Error("not kept")
	}
}
