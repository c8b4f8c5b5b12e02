package memory

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// vectorSpace is two regions that touch, and one apart, and a file.
func vectorSpace(t *testing.T, content []byte) (*Space, *os.File) {
	t.Helper()
	s := new(Space)
	page := uint64(pageSize)
	for _, gpa := range []uint64{0, 4 * page, 16 * page} {
		if err := s.Map(gpa, newRegionT(t, 4)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { s.Close() })
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return s, f
}

func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// What goes from a file to memory and to another place of the file is the same, over
// the border of two regions and in an order of the caller's.
func TestVector(t *testing.T) {
	page := uint64(pageSize)
	content := noise(8 * pageSize)
	s, f := vectorSpace(t, content)
	ranges := []Range{{GPA: 17 * page, Size: page + 3}, {GPA: 5, Size: 0}, {GPA: 3*page + 1, Size: 2 * page}, {GPA: 1, Size: 1}}
	total := int(3*page + 4)
	if n, err := s.Preadv(int(f.Fd()), ranges, 100); n != total || err != nil {
		t.Fatalf("%d, %v; want %d", n, err, total)
	}
	var got []byte
	for _, r := range ranges {
		b := make([]byte, r.Size)
		if _, err := s.ReadAt(b, int64(r.GPA)); err != nil {
			t.Fatal(err)
		}
		got = append(got, b...)
	}
	if !bytes.Equal(got, content[100:100+total]) {
		t.Error("memory has not what the file has")
	}
	if n, err := s.Pwritev(int(f.Fd()), ranges, 200); n != total || err != nil {
		t.Fatalf("%d, %v; want %d", n, err, total)
	}
	copy(content[200:], got)
	if b, err := os.ReadFile(f.Name()); err != nil || !bytes.Equal(b, content) {
		t.Errorf("the file has not what memory has: %v", err)
	}
}

// More pieces than one system call takes are several.
func TestVectorManyPieces(t *testing.T) {
	const pieces = 2*maxVector + 5
	content := noise(pieces * 3)
	s, f := vectorSpace(t, content)
	var ranges []Range
	for i := range uint64(pieces) {
		ranges = append(ranges, Range{GPA: 3 * (pieces - 1 - i), Size: 3})
	}
	if n, err := s.Preadv(int(f.Fd()), ranges, 0); n != len(content) || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	got := make([]byte, len(content))
	for i := range pieces {
		if _, err := s.ReadAt(got[3*i:3*i+3], int64(ranges[i].GPA)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got, content) {
		t.Error("memory has not what the file has")
	}
}

func TestVectorErrors(t *testing.T) {
	page := uint64(pageSize)
	s, f := vectorSpace(t, noise(100))
	fd := int(f.Fd())
	before := noise(10)
	if _, err := s.WriteAt(before, 0); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]Range{
		"a hole": {GPA: 8*page - 1, Size: 2}, "the largest address": {GPA: math.MaxUint64, Size: 1},
		"too long": {GPA: page, Size: math.MaxUint64}, "too large": {GPA: 16 * page, Size: 4*page + 1},
	} {
		if n, err := s.Preadv(fd, []Range{{GPA: 0, Size: 10}, r}, 0); n != 0 || !errors.Is(err, ErrRange) {
			t.Errorf("%s: %d, %v; want %v", name, n, err, ErrRange)
		}
	}
	got := make([]byte, len(before))
	if _, err := s.ReadAt(got, 0); err != nil || !bytes.Equal(got, before) {
		t.Errorf("a refused read has changed memory: %v", err)
	}
	all := []Range{{GPA: 0, Size: page}}
	if n, err := s.Preadv(fd, all, 0); n != 100 || err != io.EOF {
		t.Errorf("beyond the file's end: %d, %v; want 100, %v", n, err, io.EOF)
	}
	if n, err := s.Preadv(-1, all, 0); n != 0 || err == nil {
		t.Errorf("no descriptor: %d, %v", n, err)
	}
	if n, err := s.Preadv(fd, all, -1); n != 0 || err == nil {
		t.Errorf("a negative offset: %d, %v", n, err)
	}
	s.Close()
	if n, err := s.Pwritev(fd, all, 0); n != 0 || err == nil {
		t.Errorf("a closed space: %d, %v", n, err)
	}
}
