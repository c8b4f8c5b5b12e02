package console

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReaderTakesCommandsOut(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		left           bool
	}{
		{"plain", "ls -l\r", "ls -l\r", false},
		{"control keys", "\x03\x04\x1a\x1c\x7f\x00\xff", "\x03\x04\x1a\x1c\x7f\x00\xff", false},
		{"leave", "ab\x01xcd", "ab", true},
		{"leave at once", "\x01x", "", true},
		{"x alone", "x\x01", "x\x01", false},
		{"escaped escape", "a\x01\x01b", "a\x01b", false},
		{"escaped escape, then x", "\x01\x01x", "\x01x", false},
		{"three escapes, then x", "\x01\x01\x01x", "\x01", true},
		{"another key", "\x01k", "\x01k", false},
		{"capital X", "\x01X", "\x01X", false},
		{"another key, then leave", "\x01k\x01x", "\x01k", true},
		{"escape at the end", "a\x01", "a\x01", false},
		{"nothing", "", "", false},
	} {
		// Whole and byte by byte: a command may span reads.
		for name, split := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "with the error": iotest.DataErrReader,
		} {
			for _, room := range []int{1, 2, 1000} {
				left := 0
				r := NewReader(split(strings.NewReader(c.in)), func() { left++ })
				got := readAll(t, r, room)
				if got != c.want || left != 0 != c.left || left > 1 {
					t.Errorf("%s, %s, %d bytes a read: %q, left %d times; want %q, %v", c.name, name, room, got, left, c.want, c.left)
				}
				if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("%s: after the end: %d, %v", c.name, n, err)
				}
			}
		}
	}
}

// readAll reads with a buffer of a given size.
func readAll(t *testing.T, r io.Reader, room int) string {
	t.Helper()
	var out bytes.Buffer
	p := make([]byte, room)
	for range 10000 {
		n, err := r.Read(p)
		out.Write(p[:n])
		if err == io.EOF {
			return out.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			t.Fatal("a read of nothing, without an error")
		}
	}
	t.Fatal("no end")
	return ""
}

func TestReaderPassesErrorsOn(t *testing.T) {
	broken := errors.New("broken")
	r := NewReader(io.MultiReader(strings.NewReader("ab\x01"), iotest.ErrReader(broken)), func() { t.Error("left") })
	got, err := io.ReadAll(r)
	if string(got) != "ab\x01" || !errors.Is(err, broken) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestReaderIsFullWithoutLoss(t *testing.T) {
	// As many escapes as fit: the output is longer than what was read.
	in := "\x01" + strings.Repeat("k\x01", 1000)
	got, err := io.ReadAll(NewReader(strings.NewReader(in), func() { t.Error("left") }))
	if string(got) != in || err != nil {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(in))
	}
}
