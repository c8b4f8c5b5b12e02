package blk_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"linuxkvm/virtio/blk"
)

func newFile(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func openRaw(t testing.TB, path string, readOnly bool) *blk.Raw {
	t.Helper()
	r, err := blk.OpenRaw(path, readOnly)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestRaw(t *testing.T) {
	path := newFile(t, pattern(1<<20, 1))
	disk := openRaw(t, path, false)
	d := newDriver(t, blk.Config{Disk: disk}, 0)
	_, s := request(d, typeOut, 8, pattern(4096, 2), 0)
	wantStatus(t, "write", s, ok)
	_, s = request(d, typeFlush, 0, nil, 0)
	wantStatus(t, "flush", s, ok)
	got, s := request(d, typeIn, 0, nil, 16384)
	wantStatus(t, "read", s, ok)
	want := pattern(1<<20, 1)
	copy(want[4096:], pattern(4096, 2))
	if !bytes.Equal(got, want[:16384]) {
		t.Error("read something else")
	}
	if file, err := os.ReadFile(path); err != nil || !bytes.Equal(file, want) {
		t.Errorf("the file has something else (%v)", err)
	}
}

// blocks returns how many bytes of the host's disk a file takes.
func blocks(t *testing.T, path string) int64 {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Blocks * 512
}

func TestRawGivesBack(t *testing.T) {
	path := newFile(t, pattern(1<<20, 1))
	disk := openRaw(t, path, false)
	if err := disk.Flush(); err != nil { // which allocates
		t.Fatal(err)
	}
	before := blocks(t, path)
	if err := disk.Discard(256<<10, 256<<10); errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("needs a file system with holes for temporary files, such as ext4, xfs, btrfs or tmpfs: set TMPDIR: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	if got := blocks(t, path); got != before-256<<10 {
		t.Errorf("the file takes %d bytes after the discard, %d before", got, before)
	}
	if err := disk.WriteZeroes(512<<10, 256<<10, true); err != nil {
		t.Fatal(err)
	}
	if got := blocks(t, path); got != before-512<<10 {
		t.Errorf("the file takes %d bytes after zeros that unmap, %d before", got, before)
	}
	err := disk.WriteZeroes(768<<10+512, 4096, false)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
	if got := blocks(t, path); got < before-512<<10 {
		t.Errorf("zeros that must not unmap did: %d bytes", got)
	}
	want := pattern(1<<20, 1)
	clear(want[256<<10 : 768<<10])
	if err == nil {
		clear(want[768<<10+512:][:4096])
	}
	if file, err := os.ReadFile(path); err != nil || !bytes.Equal(file, want) {
		t.Errorf("the file has something else (%v)", err)
	}
}

func TestRawLocks(t *testing.T) {
	path := newFile(t, make([]byte, 4096))
	first := openRaw(t, path, true)
	second := openRaw(t, path, true)
	if _, err := blk.OpenRaw(path, false); !errors.Is(err, blk.ErrLocked) || !strings.Contains(err.Error(), path) {
		t.Errorf("to write, while it is read: %v", err)
	}
	for _, r := range []*blk.Raw{first, second} {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	openRaw(t, path, false)
	for _, readOnly := range []bool{true, false} {
		if _, err := blk.OpenRaw(path, readOnly); !errors.Is(err, blk.ErrLocked) {
			t.Errorf("read-only %v, while it is written: %v", readOnly, err)
		}
	}
	if _, err := blk.OpenQCOW2(path); !errors.Is(err, blk.ErrLocked) {
		t.Errorf("as an image, while it is written: %v", err)
	}
}

func TestRawReadOnly(t *testing.T) {
	disk := openRaw(t, newFile(t, make([]byte, 4096)), true)
	if _, err := disk.WriteAt([]byte("x"), 0); !errors.Is(err, blk.ErrReadOnly) {
		t.Errorf("WriteAt: %v", err)
	}
	if err := disk.Discard(0, 4096); !errors.Is(err, blk.ErrReadOnly) {
		t.Errorf("Discard: %v", err)
	}
	if err := disk.WriteZeroes(0, 4096, true); !errors.Is(err, blk.ErrReadOnly) {
		t.Errorf("WriteZeroes: %v", err)
	}
	if err := disk.Flush(); err != nil {
		t.Errorf("Flush: %v", err)
	}
}

func TestRawRefusals(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, fifo, "/dev/null", filepath.Join(dir, "none")} {
		for _, readOnly := range []bool{true, false} {
			if r, err := blk.OpenRaw(path, readOnly); err == nil {
				r.Close()
				t.Errorf("OpenRaw(%q, %v) succeeded", path, readOnly)
			}
		}
	}
}

// What a disk that is closed is asked is an error, to the guest too.
func TestRawClosed(t *testing.T) {
	disk := openRaw(t, newFile(t, make([]byte, 4096)), false)
	var told errorList
	d := newDriver(t, blk.Config{Disk: disk, OnError: told.add}, 0)
	if err := disk.Close(); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []uint32{typeIn, typeFlush} {
		_, s := request(d, kind, 0, nil, 512*int(1-kind/4))
		wantStatus(t, "request", s, ioErr)
	}
	if told.all(os.ErrClosed) != 2 {
		t.Errorf("told %v", told.list)
	}
}

// A file that was cut is not read beyond its end.
func TestRawCut(t *testing.T) {
	path := newFile(t, make([]byte, 8192))
	d := newDriver(t, blk.Config{Disk: openRaw(t, path, false)}, 0)
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	_, s := request(d, typeIn, 0, nil, 8192)
	wantStatus(t, "read over the new end", s, ioErr)
	_, s = request(d, typeIn, 0, nil, 4096)
	wantStatus(t, "read before it", s, ok)
}
