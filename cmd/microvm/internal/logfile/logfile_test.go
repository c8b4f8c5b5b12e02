package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func open(t *testing.T) (*Writer, *Reader) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	again, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Close() })
	return NewWriter(f), NewReader(again)
}

func wantRead(t *testing.T, r *Reader, want string) {
	t.Helper()
	if b, err := io.ReadAll(r); err != nil || string(b) != want {
		t.Errorf("%.100q, %v; want %.100q", b, err, want)
	}
}

// A reader goes on where it was when there is more.
func TestGrows(t *testing.T) {
	w, r := open(t)
	wantRead(t, r, "")
	for _, text := range []string{"one\n", "two\n\x00\x00", "three"} {
		if n, err := io.WriteString(w, text); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
		wantRead(t, r, text)
	}
	wantRead(t, r, "")
}

// lines writes numbered lines of 64 bytes.
func lines(w io.Writer, from, to int) {
	for i := from; i < to; i++ {
		fmt.Fprintf(w, "%063d\n", i)
	}
}

// The end is kept, and it takes no more room than that.
func TestIsBounded(t *testing.T) {
	w, r := open(t)
	const perMiB = 1 << 20 / 64
	lines(w, 0, 10)
	if _, err := r.Read(make([]byte, 64)); err != nil { // a slow one
		t.Fatal(err)
	}
	lines(w, 10, 40*perMiB)
	var st unix.Stat_t
	if err := unix.Fstat(int(w.file.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	if w.full {
		t.Skip("this file system takes nothing back: TestFull is about it")
	}
	if used := st.Blocks * 512; used > Kept+2*step {
		t.Errorf("it takes %d bytes", used)
	}
	b, err := io.ReadAll(r)
	if err != nil || len(b) < Kept || len(b) > Kept+step {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	if got := bytes.Count(b, []byte("\n")); got*64 != len(b) || !bytes.HasSuffix(b, fmt.Appendf(nil, "%063d\n", 40*perMiB-1)) {
		t.Errorf("%d lines in %d bytes, the last: %q", got, len(b), b[len(b)-64:])
	}
	lines(w, 7, 8)
	wantRead(t, r, fmt.Sprintf("%063d\n", 7))
}

// Nobody reads zeros that were not written, however fast it is written.
func TestReadWhileGivenBack(t *testing.T) {
	w, r := open(t)
	var writing sync.WaitGroup
	done := make(chan struct{})
	writing.Go(func() {
		defer close(done)
		text := []byte(strings.Repeat("x", 64<<10))
		for range 2 * Kept / len(text) * 8 {
			_, _ = w.Write(text)
		}
	})
	defer writing.Wait()
	b := make([]byte, 32<<10)
	for ended := false; ; {
		n, err := r.Read(b)
		if i := bytes.IndexByte(b[:n], 0); i >= 0 {
			t.Fatalf("zeros at %d of %d bytes", i, n)
		}
		switch {
		case err == nil:
		case !errors.Is(err, io.EOF):
			t.Fatal(err)
		case ended:
			return
		}
		select {
		case <-done:
			ended = true
		default:
		}
	}
}

// Where nothing can be written, or given back, the writer goes on.
func TestFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	w, r := open(t)
	w.full = true
	for _, w := range []*Writer{w, NewWriter(full)} {
		if n, err := io.WriteString(w, "text"); n != 4 || err != nil {
			t.Error(n, err)
		}
	}
	wantRead(t, r, "")
}
