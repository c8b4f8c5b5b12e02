package payload

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestCutWindow(t *testing.T) {
	cases := []struct {
		declared byte
		limit    int64
		want     byte
	}{
		{17 << 3, 1 << 20, 11 << 3}, // 2^21: more than the limit
		{17 << 3, 1<<20 - 1, 10 << 3},
		{17 << 3, 0, 7 << 3}, // never below a block
		{5 << 3, 0, 5 << 3},
		{17 << 3, 1 << 40, 17 << 3},
		{17<<3 | 5, 100 << 20, 17<<3 | 5},
		{18 << 3, 100 << 20, 17 << 3},
	}
	for _, c := range cases {
		if got := cutWindow(c.declared, c.limit); got != c.want {
			t.Errorf("cutWindow(%#x, %d) = %#x, want %#x", c.declared, c.limit, got, c.want)
		}
	}
}

// TestZstdFar has matches as far back as there is data, up to the limit.
func TestZstdFar(t *testing.T) {
	far := bytes.Repeat([]byte{0}, 3<<20)
	copy(far, sample())
	want := append(far, sample()...)
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(8<<20), zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		t.Fatal(err)
	}
	// In pieces, so that the frame declares a window and no size.
	for p := range [2]struct{}{} {
		if _, err := w.Write(want[p*len(want)/2 : (p+1)*len(want)/2]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := expandFrom(Zstd, bytes.NewReader(b.Bytes()), int64(len(want)))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes, %v", len(got), len(want), err)
	}
	if _, err := expandFrom(Zstd, bytes.NewReader(b.Bytes()), int64(len(want)-1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte over the limit: %v, want ErrTooLarge", err)
	}
}

// TestZstdLimits: no limit a caller may give is one the library refuses.
func TestZstdLimits(t *testing.T) {
	b := fixture(t, "sample.zst")
	for _, limit := range []int64{0, 1, 200 << 20, 1 << 33, 1 << 45, 1<<63 - 1} {
		r, err := NewReader(Zstd, bytes.NewReader(b), limit)
		if err != nil {
			t.Errorf("limit %d: %v", limit, err)
			continue
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestZstdNotZstd(t *testing.T) {
	if _, err := expand(Zstd, []byte("no frame at all")); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
	if _, err := expand(Zstd, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("nothing: %v, want io.ErrUnexpectedEOF", err)
	}
}

// TestBomb has a megabyte of zeros in a few bytes, many times over.
func TestBomb(t *testing.T) {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	for range 64 {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := expandFrom(Zstd, bytes.NewReader(b.Bytes()), 5000)
	if !errors.Is(err, ErrTooLarge) || len(got) != 5000 {
		t.Errorf("%d bytes out of %d, %v; want 5000 and ErrTooLarge", len(got), b.Len(), err)
	}
}
