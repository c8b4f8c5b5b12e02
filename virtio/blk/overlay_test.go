package blk_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"testing"

	"linuxkvm/virtio/blk"
)

func newOverlay(t testing.TB, base blk.Base, dir string) *blk.Overlay {
	t.Helper()
	o, err := blk.NewOverlay(base, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

// wantBytes checks all of a disk.
func wantBytes(t *testing.T, disk blk.Base, want []byte) {
	t.Helper()
	got := make([]byte, len(want)+1)
	if n, err := disk.ReadAt(got, 0); n != len(want) || err != io.EOF || disk.Size() != int64(len(want)) {
		t.Fatalf("read %d of %d bytes, %v; size %d", n, len(want), err, disk.Size())
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("byte %#x is %#x, want %#x", i, got[i], want[i])
		}
	}
}

// change does one operation to an overlay and to its model.
func change(t *testing.T, o *blk.Overlay, model []byte, op uint8, off, n int64, fill byte) {
	t.Helper()
	off %= int64(len(model))
	n = min(n, int64(len(model))-off)
	part := model[off : off+n]
	switch op % 4 {
	case 0, 1:
		for i := range part {
			part[i] = fill
		}
		if k, err := o.WriteAt(part, off); k != len(part) || err != nil {
			t.Fatalf("WriteAt = %d, %v", k, err)
		}
	case 2:
		if err := o.WriteZeroes(off, n, true); err != nil {
			t.Fatal(err)
		}
		clear(part)
	case 3:
		if err := o.Discard(off, n); err != nil {
			t.Fatal(err)
		}
		// What is there now is undefined, but not something else.
		got := make([]byte, n)
		if _, err := o.ReadAt(got, off); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if got[i] != 0 && got[i] != part[i] {
				t.Fatalf("byte %#x was %#x and is %#x after a discard", off+int64(i), part[i], got[i])
			}
		}
		copy(part, got)
	}
}

func TestOverlay(t *testing.T) {
	base := newRAM(200<<10 + 1536)
	copy(base.bytes, pattern(len(base.bytes), 1))
	o := newOverlay(t, base, t.TempDir())
	wantBytes(t, o, base.bytes)
	model := bytes.Clone(base.bytes)
	for i := range 2000 {
		change(t, o, model, uint8(rand.IntN(4)), rand.Int64N(int64(len(model))), rand.Int64N(20000), byte(i))
	}
	wantBytes(t, o, model)
	if !bytes.Equal(base.bytes, pattern(len(base.bytes), 1)) {
		t.Error("the base was changed")
	}
	if err := o.Flush(); err != nil {
		t.Error(err)
	}
}

// Writers of different parts of the same granules, which are still the base's, do
// not lose each other's bytes.
func TestOverlayConcurrent(t *testing.T) {
	const size, writers = 1 << 20, 8
	base := newRAM(size)
	copy(base.bytes, pattern(size, 1))
	for range 5 {
		o := newOverlay(t, base, t.TempDir())
		want := bytes.Clone(base.bytes)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				// Every 8th piece of 512 bytes is w's, except for the first ones.
				for off := int64(w) * 512; off < size; off += writers * 512 {
					if off < 64<<10 {
						continue
					}
					p := bytes.Repeat([]byte{byte(w)}, 512)
					copy(want[off:], p)
					if _, err := o.WriteAt(p, off); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		wantBytes(t, o, want)
	}
}

func TestOverlayLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	o := newOverlay(t, newRAM(1<<20), dir)
	if _, err := o.WriteAt(make([]byte, 4096), 0); err != nil {
		t.Fatal(err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("the directory has %v, %v", list, err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := o.WriteAt(make([]byte, 4096), 0); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a write after Close: %v", err)
	}
	if _, err := blk.NewOverlay(newRAM(1), dir+"/none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a directory that is not there: %v", err)
	}
}

func TestOverlayRange(t *testing.T) {
	o := newOverlay(t, newRAM(10000), t.TempDir())
	for _, c := range [][2]int64{{-1, 1}, {10000, 1}, {9999, 2}, {1 << 62, 1}, {0, 10001}} {
		if _, err := o.WriteAt(make([]byte, c[1]), c[0]); err == nil {
			t.Errorf("WriteAt(%d bytes, %d) succeeded", c[1], c[0])
		}
		if err := o.Discard(c[0], c[1]); err == nil {
			t.Errorf("Discard(%d, %d) succeeded", c[0], c[1])
		}
		if err := o.WriteZeroes(c[0], c[1], true); err == nil {
			t.Errorf("WriteZeroes(%d, %d) succeeded", c[0], c[1])
		}
	}
}

// A base that cannot be read is an error of reads, and of writes that need it.
func TestOverlayBaseFails(t *testing.T) {
	base := newRAM(64 << 10)
	o := newOverlay(t, base, t.TempDir())
	base.fail = syscall.EIO
	if _, err := o.ReadAt(make([]byte, 512), 0); !errors.Is(err, syscall.EIO) {
		t.Errorf("read: %v", err)
	}
	if _, err := o.WriteAt(make([]byte, 512), 512); !errors.Is(err, syscall.EIO) {
		t.Errorf("write of a part: %v", err)
	}
	if _, err := o.WriteAt(make([]byte, 8192), 4096); err != nil {
		t.Errorf("write of the whole: %v", err)
	}
	if _, err := o.ReadAt(make([]byte, 8192), 4096); err != nil {
		t.Errorf("read of what was written: %v", err)
	}
}

// A file system of the host that is full is the guest's I/O error, and what was
// written before stays.
func TestOverlayHostFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=128k"); err != nil {
		t.Skipf("needs root to mount a small tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	o := newOverlay(t, newRAM(1<<20), dir)
	var told errorList
	d := newDriver(t, blk.Config{Disk: o, OnError: told.add}, 0)
	_, s := request(d, typeOut, 0, pattern(64<<10, 1), 0)
	wantStatus(t, "what fits", s, ok)
	_, s = request(d, typeOut, 128, pattern(256<<10, 2), 0)
	wantStatus(t, "what does not", s, ioErr)
	if told.all(syscall.ENOSPC) != 1 {
		t.Errorf("told %v", told.list)
	}
	got, s := request(d, typeIn, 0, nil, 64<<10)
	wantStatus(t, "what was there", s, ok)
	if !bytes.Equal(got, pattern(64<<10, 1)) {
		t.Error("what was there is lost")
	}
	_, s = request(d, typeDiscard, 0, span(0, 2048, 0), 0)
	wantStatus(t, "making room", s, ok)
	_, s = request(d, typeOut, 1000, pattern(64<<10, 3), 0)
	wantStatus(t, "what fits again", s, ok)
}

func FuzzOverlay(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Fuzz(func(t *testing.T, script []byte) {
		base := newRAM(40<<10 + 100)
		copy(base.bytes, pattern(len(base.bytes), 1))
		o := newOverlay(t, base, t.TempDir())
		model := bytes.Clone(base.bytes)
		for ; len(script) >= 5; script = script[5:] {
			off, n := int64(script[1])<<8|int64(script[2]), int64(script[3])<<8|int64(script[4])
			change(t, o, model, script[0], off, n, byte(len(script)))
		}
		wantBytes(t, o, model)
	})
}
