package boot

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestCheckCmdline(t *testing.T) {
	long := strings.Repeat("x", MaxCmdline)
	for _, ok := range []struct {
		line  string
		limit uint32
	}{{"", 0}, {"a b", 3}, {"a\tb", 0}, {long, 0}, {"utf-8: \u00e9", 0}} {
		if err := CheckCmdline(ok.line, ok.limit); err != nil {
			t.Errorf("%q: %v", ok.line, err)
		}
	}
	for _, bad := range []struct {
		line  string
		limit uint32
		text  string
	}{
		{long + "x", 0, "2048 bytes"}, {"a bc", 3, "at most 3"}, {"a\x00b", 0, "0x00 at offset 1"}, {"a\n", 0, "0x0a at offset 1"},
		{"\x1b[", 0, "0x1b at offset 0"}, {"\x7f", 0, "0x7f"},
	} {
		wantError(t, bad.text, CheckCmdline(bad.line, bad.limit), ErrCmdline, bad.text)
	}
}

func TestAppendCmdline(t *testing.T) {
	for _, c := range []struct {
		line  string
		parts []string
		want  string
	}{
		{"", nil, ""}, {"a", nil, "a"}, {"", []string{"b"}, "b"}, {" a ", []string{"", " b", "c "}, "a b c"}, {"a", []string{" "}, "a"},
	} {
		if got := AppendCmdline(c.line, c.parts...); got != c.want {
			t.Errorf("%q %q: %q, want %q", c.line, c.parts, got, c.want)
		}
	}
}

func TestRange(t *testing.T) {
	r := Range{0x1000, 0x1000}
	for _, c := range []struct {
		o                  Range
		overlaps, contains bool
	}{
		{Range{0x1000, 0x1000}, true, true}, {Range{0x1800, 0x800}, true, true}, {Range{0x1800, 0x801}, true, false},
		{Range{0, 0x1000}, false, false}, {Range{0, 0x1001}, true, false}, {Range{0x2000, 1}, false, false}, {Range{0x1fff, 1}, true, true},
		{Range{0x1800, 0}, false, true}, {Range{0x1800, ^uint64(0)}, true, false},
	} {
		if r.Contains(c.o) != c.contains {
			t.Errorf("contains %#x: %v", c.o, !c.contains)
		}
		if c.o.Size < 1<<63 && (r.Overlaps(c.o) != c.overlaps || c.o.Overlaps(r) != c.overlaps) {
			t.Errorf("overlaps %#x: %v", c.o, !c.overlaps)
		}
	}
}

// memory is guest RAM from 0 on.
type memory []byte

var errRange = errors.New("outside RAM")

func (m memory) ReadAt(p []byte, off int64) (int, error) { return copy(p, m[off:]), nil }

func (m memory) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > int64(len(m)) {
		return 0, errRange
	}
	return copy(m[off:], p), nil
}

func TestCopy(t *testing.T) {
	src := bytes.Repeat([]byte("0123456789"), 100_000)
	m := make(memory, 2<<20)
	if err := Copy(m, 0x1234, bytes.NewReader(src), uint64(len(src))); err != nil || !bytes.Equal(m[0x1234:][:len(src)], src) {
		t.Errorf("%v, or wrong data", err)
	}
	if err := Zero(m, 0x1235, 600_000); err != nil {
		t.Error(err)
	}
	if m[0x1234] != '0' || m[0x1235] != 0 || m[0x1235+600_000-1] != 0 || m[0x1235+600_000] == 0 {
		t.Error("Zero cleared something else")
	}
	err := Copy(m, 0, bytes.NewReader(src), uint64(len(src))+1)
	wantError(t, "short source", err, ErrTruncated, "1000000 of 1000001")
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v has no io.ErrUnexpectedEOF behind it", err)
	}
	if err := Load(m, 2<<20-10, bytes.NewReader(src)); !errors.Is(err, errRange) {
		t.Errorf("beyond RAM: %v", err)
	}
	if err := Copy(m, 0, nil, 0); err != nil {
		t.Errorf("nothing: %v", err)
	}
	broken := errors.New("disk failure")
	if err := Copy(m, 0, io.NewSectionReader(brokenImage{broken}, 0, 10), 10); !errors.Is(err, broken) {
		t.Errorf("broken source: %v", err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "vmlinuz")
	if err := os.WriteFile(path, []byte("kernel"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 3)
	if n, err := f.ReadAt(b, 3); n != 3 || err != nil || string(b) != "nel" || f.Size() != 6 || f.Name() != path {
		t.Errorf("%d, %v, %q, size %d, name %s", n, err, b, f.Size(), f.Name())
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	_, err = Open(dir)
	wantError(t, "directory", err, ErrNotKernel, "not a regular file")
	// A named pipe without a writer must not hang.
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(pipe)
	wantError(t, "named pipe", err, ErrNotKernel, "not a regular file")
}

func TestErrors(t *testing.T) {
	cause := errors.New("cause")
	e := &FormatError{Kind: ErrCorrupt, What: "finding", Remedy: "remedy", Err: cause}
	if e.Error() != "finding: cause; remedy" || !errors.Is(e, ErrCorrupt) || !errors.Is(e, cause) || errors.Is(e, ErrTruncated) {
		t.Errorf("%v", e)
	}
	if e := (&FormatError{Kind: ErrCorrupt, What: "finding"}); e.Error() != "finding" || !errors.Is(e, ErrCorrupt) {
		t.Errorf("%v", e)
	}
	small := &TooSmallError{Need: 5<<20 + 1, Have: 3 << 20, For: "the kernel"}
	want := "guest memory too small: the kernel needs at least 6 MiB of RAM and the guest has 3 MiB; give it more memory"
	if small.Error() != want || !errors.Is(small, ErrTooSmall) || errors.Is(small, ErrInitrd) {
		t.Errorf("%v", small)
	}
	for n, want := range map[uint64]string{0: "0 bytes", 1023: "1023 bytes", 4096: "4 KiB", 4097: "4097 bytes", 3 << 20: "3 MiB", 3<<19 + 1: "1.5 MiB (1572865 bytes)"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
