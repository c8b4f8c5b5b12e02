package payload

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// expand decompresses b with a limit that is ample for the fixtures.
func expand(f Format, b []byte) ([]byte, error) {
	return expandFrom(f, bytes.NewReader(b), 1<<20)
}

func expandFrom(f Format, src io.Reader, limit int64) ([]byte, error) {
	r, err := NewReader(f, src, limit)
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(r)
	return out, errors.Join(err, r.Close())
}

// typed fails on an error that a caller of this package could not tell apart.
func typed(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrTooLarge) {
		t.Fatalf("untyped error: %v", err)
	}
}

func TestFormats(t *testing.T) {
	want := sample()
	for _, f := range fixtures {
		t.Run(f.file, func(t *testing.T) {
			b := fixture(t, f.file)
			if got := Identify(b[:13]); got != f.format {
				t.Errorf("Identify = %v, want %v", got, f.format)
			}
			sources := map[string]io.Reader{
				"whole": bytes.NewReader(b), "bytes": iotest.OneByteReader(bytes.NewReader(b)),
				"halves": iotest.HalfReader(bytes.NewReader(b)), "data with EOF": iotest.DataErrReader(bytes.NewReader(b)),
			}
			for name, src := range sources {
				got, err := expandFrom(f.format, src, 1<<20)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: %d bytes, %v; want %d bytes", name, len(got), err, len(want))
				}
			}
		})
	}
}

// TestTrailer has the four bytes of length behind the stream that a kernel's
// build appends, and the bytes of code that follow in a bzImage.
func TestTrailer(t *testing.T) {
	want := sample()
	for _, f := range fixtures {
		t.Run(f.file, func(t *testing.T) {
			b := append(fixture(t, f.file), byte(len(want)), byte(len(want)>>8), 0, 0)
			got, err := expand(f.format, b)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%d bytes, %v; want %d bytes", len(got), err, len(want))
			}
		})
	}
}

// TestTruncated cuts each stream at every length. All the data may be there
// before the stream's end is; what there is must be right.
func TestTruncated(t *testing.T) {
	want := sample()
	for _, f := range fixtures {
		t.Run(f.file, func(t *testing.T) {
			b := fixture(t, f.file)
			for n := 0; n < len(b); n += step(n, f.format) {
				got, err := expand(f.format, b[:n])
				if !bytes.HasPrefix(want, got) {
					t.Fatalf("cut to %d bytes: wrong data", n)
				}
				if err == nil {
					if len(got) != len(want) && !(f.format == LZ4 && n == 4) {
						t.Fatalf("cut to %d bytes: %d bytes and no error", n, len(got))
					}
					continue
				}
				if !errors.Is(err, ErrCorrupt) || !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("cut to %d bytes: %v; want ErrCorrupt with io.ErrUnexpectedEOF", n, err)
				}
			}
		})
	}
}

// TestCorrupt inverts each byte in turn. Formats with a checksum of the data
// never give wrong data without an error.
func TestCorrupt(t *testing.T) {
	want := sample()
	unchecked := map[string]bool{"sample.lzma": true, "sample.lz4": true}
	for _, f := range fixtures {
		t.Run(f.file, func(t *testing.T) {
			original := fixture(t, f.file)
			failures := 0
			for i := 0; i < len(original); i += step(i, f.format) {
				b := bytes.Clone(original)
				b[i] ^= 0xff
				got, err := expand(f.format, b)
				if err != nil {
					failures++
					typed(t, err)
					continue
				}
				if !bytes.Equal(got, want) && !unchecked[f.file] && f.file != "sha.xz" {
					t.Fatalf("byte %d inverted: wrong data and no error", i)
				}
			}
			if failures == 0 {
				t.Error("no inverted byte was noticed")
			}
		})
	}
}

// step passes every byte of a stream's headers and, of its data, fewer where a
// decoder allocates megabytes each time.
func step(i int, f Format) int {
	if i < 64 {
		return 1
	}
	if f == LZ4 || f == LZMA {
		return 41
	}
	return 7
}

func TestLimit(t *testing.T) {
	want := sample()
	for _, f := range fixtures {
		b := fixture(t, f.file)
		for _, limit := range []int{0, 1, 100, len(want) - 1} {
			got, err := expandFrom(f.format, bytes.NewReader(b), int64(limit))
			// A dictionary cut to the limit may make the decoder fail first.
			if !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrCorrupt) {
				t.Errorf("%s, limit %d: %v, want ErrTooLarge", f.file, limit, err)
			}
			if len(got) > limit || !bytes.HasPrefix(want, got) {
				t.Errorf("%s, limit %d: %d bytes, or wrong ones", f.file, limit, len(got))
			}
		}
		if got, err := expandFrom(f.format, bytes.NewReader(b), int64(len(want))); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s, limit of its size: %d bytes, %v", f.file, len(got), err)
		}
	}
}

// TestLimitStays asks again after the limit was passed.
func TestLimitStays(t *testing.T) {
	r, err := NewReader(None, strings.NewReader("0123456789abcdef"), 10)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for range 4 {
		n, err := r.Read(make([]byte, 16))
		if total += n; !errors.Is(err, ErrTooLarge) {
			t.Errorf("read: %v, want ErrTooLarge", err)
		}
	}
	if total != 10 {
		t.Errorf("%d bytes came through a limit of 10", total)
	}
}

// TestHostMemory has streams that declare the most history a format can, in
// front of data that is small, and looks at what is allocated for them.
func TestHostMemory(t *testing.T) {
	declared := map[string]func(t *testing.T) []byte{
		"lzma": func(t *testing.T) []byte { // a dictionary of 2 GiB
			b := fixture(t, "sample.lzma")
			copy(b[1:], []byte{0, 0, 0, 0x80})
			return b
		},
		"zstd": func(t *testing.T) []byte { return fixture(t, "sample.zst") },
		"lz4":  func(*testing.T) []byte { return []byte{2, 0x21, 0x4c, 0x18, 0xff, 0xff, 0x7f, 0} },
	}
	for name, make := range declared {
		t.Run(name, func(t *testing.T) {
			b := make(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := expand(Identify(b), b)
			runtime.ReadMemStats(&after)
			t.Logf("%d KiB allocated, error %v", (after.TotalAlloc-before.TotalAlloc)>>10, err)
			if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20+32<<20 {
				t.Errorf("%d bytes allocated", got)
			}
		})
	}
}

// TestWindow has the 128 MiB of window that a kernel's build declares, and more,
// with a limit that is smaller and one that is not.
func TestWindow(t *testing.T) {
	b := fixture(t, "sample.zst")
	const descriptor = 5
	if b[descriptor] != (27-10)<<3 {
		t.Fatalf("the fixture's window descriptor is %#x", b[descriptor])
	}
	for _, log := range []byte{27, 31, 41} {
		b[descriptor] = (log-10)<<3 | 7
		for _, limit := range []int64{8 << 10, 1 << 20, 60 << 20} {
			if got, err := expandFrom(Zstd, bytes.NewReader(b), limit); err != nil || !bytes.Equal(got, sample()) {
				t.Errorf("window 2^%d, limit %d: %v", log, limit, err)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, f := range []Format{Unknown, LZO, Format(200)} {
		if _, err := NewReader(f, strings.NewReader("x"), 10); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%v: %v, want ErrUnsupported", f, err)
		}
	}
	if _, err := NewReader(None, strings.NewReader("x"), -1); err == nil {
		t.Error("a negative limit passed")
	}
	modern := []byte{0x04, 0x22, 0x4d, 0x18}
	if _, err := expand(LZ4, modern); !errors.Is(err, ErrUnsupported) {
		t.Errorf("lz4 frame: %v, want ErrUnsupported", err)
	}
}

// TestSourceError: a disk that fails is not a corrupt kernel.
func TestSourceError(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, f := range fixtures {
		b := fixture(t, f.file)
		for _, n := range []int{0, 3, 20, len(b) / 2} {
			src := io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken))
			_, err := expandFrom(f.format, src, 1<<20)
			if !errors.Is(err, broken) || errors.Is(err, ErrCorrupt) {
				t.Errorf("%s, %d bytes: %v", f.file, n, err)
			}
		}
	}
}

func TestClose(t *testing.T) {
	for _, f := range fixtures {
		r, err := NewReader(f.format, bytes.NewReader(fixture(t, f.file)), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := r.Close(); err != nil {
				t.Errorf("%s: Close: %v", f.file, err)
			}
		}
		b := fixture(t, f.file)
		if r, err := NewReader(f.format, bytes.NewReader(b[:len(b)/2]), 1<<20); err == nil {
			_, _ = io.Copy(io.Discard, r)
			if err := r.Close(); err != nil {
				t.Errorf("%s: Close repeats the error of Read: %v", f.file, err)
			}
		}
		if n, err := r.Read(make([]byte, 8)); n != 0 || err == nil {
			t.Errorf("%s: Read after Close gave %d bytes, %v", f.file, n, err)
		}
	}
}
