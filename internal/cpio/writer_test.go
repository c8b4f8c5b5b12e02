package cpio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// listing reads an archive back, written from the format's description and not
// from the writer: "name mode size major:minor content".
func listing(t *testing.T, b []byte) []string {
	t.Helper()
	var lines []string
	for off := 0; ; {
		if string(b[off:off+6]) != "070701" {
			t.Fatalf("no magic at %d: %q", off, b[off:off+6])
		}
		var f [13]uint32
		for i := range f {
			if _, err := fmt.Sscanf(string(b[off+6+8*i:off+14+8*i]), "%08x", &f[i]); err != nil {
				t.Fatal(err)
			}
		}
		name := string(b[off+110 : off+110+int(f[11])-1])
		off = (off + 110 + int(f[11]) + 3) &^ 3
		if name == "TRAILER!!!" {
			return lines
		}
		lines = append(lines, fmt.Sprintf("%s %o %d %d:%d %s", name, f[1], f[6], f[9], f[10], b[off:off+int(f[6])]))
		off = (off + int(f[6]) + 3) &^ 3
	}
}

func sample(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out)
	for _, err := range []error{
		w.File("/init", 0o755, 5, strings.NewReader("hello")),
		w.File("a/b/c", 0o644, 0, strings.NewReader("")),
		w.Dir("a/b", 0o700),
		w.Symlink("a/link", "b/c"),
		w.CharDevice("dev/console", 0o600, 5, 1),
		w.Close(),
		w.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func TestWriter(t *testing.T) {
	b := sample(t)
	if len(b)%512 != 0 {
		t.Errorf("%d bytes, want a multiple of 512", len(b))
	}
	want := []string{
		"init 100755 5 0:0 hello",
		"a 40755 0 0:0 ",
		"a/b 40755 0 0:0 ",
		"a/b/c 100644 0 0:0 ",
		"a/link 120777 3 0:0 b/c",
		"dev 40755 0 0:0 ",
		"dev/console 20600 0 5:1 ",
	}
	if got := listing(t, b); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !bytes.Equal(b, sample(t)) {
		t.Error("two archives of the same files differ")
	}
}

func TestRefusals(t *testing.T) {
	w := NewWriter(io.Discard)
	if err := w.File("short", 0o644, 9, strings.NewReader("abc")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short file: %v", err)
	}
	if err := w.File("big", 0o644, 1<<32, strings.NewReader("")); err == nil {
		t.Error("4 GiB: no error")
	}
	if err := w.File("f", 0o644, 0, strings.NewReader("")); err != nil {
		t.Error(err)
	}
	if err := w.Symlink("/f", "x"); err == nil {
		t.Error("the same name twice: no error")
	}
	if err := w.Symlink("a\x00b", "x"); err == nil {
		t.Error("zero byte in a name: no error")
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := w.Dir("late", 0o755); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
