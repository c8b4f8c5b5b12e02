package memory

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// resident returns how many bytes of a region the kernel says are in memory.
func resident(t *testing.T, r *Region) (bytes uint64) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(text)) {
		var from, to uintptr
		var kib uint64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			inside = from >= r.Addr() && from < r.Addr()+uintptr(r.Size())
		} else if n, _ := fmt.Sscanf(line, "Rss: %d kB", &kib); n == 1 && inside {
			bytes += kib << 10
		}
	}
	return bytes
}

func TestDiscard(t *testing.T) {
	memfd, err := NewMemfd("discard", 64*pageSize)
	if err != nil {
		t.Fatal(err)
	}
	defer memfd.Close()
	for name, r := range map[string]*Region{"anonymous": newRegionT(t, 64), "memfd": memfd} {
		t.Run(name, func(t *testing.T) {
			page := uint64(pageSize)
			if _, err := r.WriteAt(bytes.Repeat([]byte{7}, 64*pageSize), 0); err != nil {
				t.Fatal(err)
			}
			if got := resident(t, r); got != 64*page {
				t.Fatalf("%#x bytes are resident before, want all", got)
			}
			if err := r.Discard(2*page, 60*page); err != nil {
				t.Fatal(err)
			}
			if got := resident(t, r); got != 4*page {
				t.Errorf("%#x bytes are resident, want %#x", got, 4*page)
			}
			wantPages(t, r, map[uint64]byte{0: 7, 1: 7, 2: 0, 40: 0, 61: 0, 62: 7, 63: 7})
			if err := r.StoreUint32(2*page, 0x01010101); err != nil {
				t.Fatal(err)
			}
			wantPages(t, r, map[uint64]byte{1: 7, 3: 0})
		})
	}
}

// wantPages checks that pages hold one byte only.
func wantPages(t *testing.T, r *Region, want map[uint64]byte) {
	t.Helper()
	p := make([]byte, pageSize)
	for i, b := range want {
		if _, err := r.ReadAt(p, int64(i)*int64(pageSize)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p, bytes.Repeat([]byte{b}, pageSize)) {
			t.Errorf("page %d is not all %d", i, b)
		}
	}
}

func TestDiscardChecks(t *testing.T) {
	r := newRegionT(t, 4)
	page := uint64(pageSize)
	if err := r.StoreUint32(3*page, 1); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		off, n uint64
		want   error
	}{
		{1, page, ErrAlign}, {0, 1, ErrAlign}, {page / 2, page / 2, ErrAlign},
		{0, 5 * page, ErrRange}, {4 * page, page, ErrRange}, {5 * page, 0, ErrRange},
		{3 * page, -page, ErrRange}, {-page, 2 * page, ErrRange},
	} {
		if err := r.Discard(c.off, c.n); !errors.Is(err, c.want) {
			t.Errorf("Discard(%#x, %#x) = %v, want %v", c.off, c.n, err, c.want)
		}
	}
	if err := r.Discard(4*page, 0); err != nil {
		t.Errorf("of nothing: %v", err)
	}
	if v, err := r.LoadUint32(3 * page); v != 1 || err != nil {
		t.Errorf("a refused discard changed memory: %d, %v", v, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Discard(0, page); !errors.Is(err, ErrClosed) {
		t.Errorf("of a closed region: %v", err)
	}
	if err := new(Region).Discard(0, 0); !errors.Is(err, ErrClosed) {
		t.Errorf("of no region: %v", err)
	}
}

func TestSpaceDiscard(t *testing.T) {
	page := uint64(pageSize)
	s, a, b := new(Space), newRegionT(t, 2), newRegionT(t, 2)
	t.Cleanup(func() { s.Close() })
	for gpa, r := range map[uint64]*Region{4 * page: a, 6 * page: b} {
		if err := s.Map(gpa, r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.WriteAt(bytes.Repeat([]byte{7}, 4*pageSize), int64(4*page)); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]uint64{{3 * page, 2 * page}, {7 * page, 2 * page}, {0, page}, {-page, 2 * page}, {4 * page, -(4 * page)}} {
		if err := s.Discard(c[0], c[1]); !errors.Is(err, ErrRange) {
			t.Errorf("Discard(%#x, %#x) = %v, want ErrRange", c[0], c[1], err)
		}
	}
	if err := s.Discard(4*page+1, page); !errors.Is(err, ErrAlign) {
		t.Errorf("crooked: %v", err)
	}
	wantPages(t, a, map[uint64]byte{0: 7, 1: 7})
	wantPages(t, b, map[uint64]byte{0: 7, 1: 7})
	if err := s.Discard(5*page, 2*page); err != nil {
		t.Fatal(err)
	}
	wantPages(t, a, map[uint64]byte{0: 7, 1: 0})
	wantPages(t, b, map[uint64]byte{0: 0, 1: 7})
}
