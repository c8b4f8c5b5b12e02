package memory

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
)

func newRegionT(t *testing.T, pages int) *Region {
	t.Helper()
	r, err := New(pages * pageSize)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestNewRefusesBadLengths(t *testing.T) {
	for _, length := range []int{0, -1, -pageSize, 1, pageSize + 1} {
		if r, err := New(length); err == nil || r != nil {
			t.Errorf("New(%d) = %v, %v; want an error", length, r, err)
		}
		if _, err := NewMemfd("x", length); err == nil {
			t.Errorf("NewMemfd(%d) succeeded", length)
		}
	}
	if _, err := New(1 << 62); err == nil {
		t.Error("New(1<<62) succeeded")
	}
}

func TestRegionReadsWhatWasWritten(t *testing.T) {
	memfd, err := NewMemfd("test", 2*pageSize)
	if err != nil {
		t.Fatal(err)
	}
	defer memfd.Close()
	for _, r := range []*Region{newRegionT(t, 2), memfd} {
		want := []byte("across the page boundary")
		off := int64(pageSize - 5)
		if n, err := r.WriteAt(want, off); n != len(want) || err != nil {
			t.Fatalf("WriteAt = %d, %v", n, err)
		}
		got := make([]byte, len(want))
		if _, err := r.ReadAt(got, off); err != nil || !bytes.Equal(got, want) {
			t.Errorf("ReadAt = %q, %v; want %q", got, err, want)
		}
		all, err := r.Bytes()
		if err != nil || !bytes.Equal(all[off:off+int64(len(want))], want) {
			t.Errorf("Bytes differs from ReadAt (%v)", err)
		}
	}
}

func TestRegionChecksBounds(t *testing.T) {
	r := newRegionT(t, 1)
	size := int64(pageSize)
	for _, c := range []struct {
		off int64
		n   int
	}{{-1, 1}, {size, 1}, {size - 1, 2}, {1 << 62, 8}, {-1 << 63, 8}, {0, pageSize + 1}, {1<<63 - 1, 1}} {
		p := make([]byte, c.n)
		if n, err := r.ReadAt(p, c.off); n != 0 || !errors.Is(err, ErrRange) {
			t.Errorf("ReadAt(%d bytes, %d) = %d, %v; want ErrRange", c.n, c.off, n, err)
		}
		if n, err := r.WriteAt(p, c.off); n != 0 || !errors.Is(err, ErrRange) {
			t.Errorf("WriteAt(%d bytes, %d) = %d, %v; want ErrRange", c.n, c.off, n, err)
		}
	}
	for _, off := range []uint64{uint64(size), 1 << 63, ^uint64(0) - 7} {
		if _, err := r.LoadUint64(off &^ 7); !errors.Is(err, ErrRange) {
			t.Errorf("LoadUint64(%#x) = %v, want ErrRange", off, err)
		}
	}
	if _, err := r.LoadUint32(2); !errors.Is(err, ErrAlign) {
		t.Errorf("LoadUint32(2) = %v, want ErrAlign", err)
	}
	if err := r.StoreUint16(1, 0); !errors.Is(err, ErrAlign) {
		t.Errorf("StoreUint16(1) = %v, want ErrAlign", err)
	}
}

func TestAtomicHalvesLeaveTheirNeighbourAlone(t *testing.T) {
	r := newRegionT(t, 1)
	var wg sync.WaitGroup
	for _, off := range []uint64{0, 2} {
		wg.Go(func() {
			for i := range 20000 {
				if err := r.StoreUint16(off, uint16(i)); err != nil {
					t.Error(err)
				}
				if v, _ := r.LoadUint16(off); v != uint16(i) {
					t.Errorf("offset %d: read %d, wrote %d", off, v, i)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := r.StoreUint32(4, 0x11223344); err != nil {
		t.Fatal(err)
	}
	if err := r.StoreUint64(8, 0x1122334455667788); err != nil {
		t.Fatal(err)
	}
	a, _ := r.LoadUint32(4)
	b, _ := r.LoadUint64(8)
	if a != 0x11223344 || b != 0x1122334455667788 {
		t.Errorf("read %#x and %#x", a, b)
	}
}

func TestClosedRegionAnswersWithErrors(t *testing.T) {
	r := newRegionT(t, 1)
	stale, _ := r.Bytes()
	stale[0] = 1
	for range 2 {
		if err := r.Close(); err != nil {
			t.Fatalf("Close = %v", err)
		}
	}
	if _, err := r.ReadAt(make([]byte, 1), 0); !errors.Is(err, ErrClosed) || !errors.Is(err, os.ErrClosed) {
		t.Errorf("ReadAt = %v, want ErrClosed", err)
	}
	if _, err := r.Bytes(); !errors.Is(err, ErrClosed) {
		t.Errorf("Bytes = %v, want ErrClosed", err)
	}
	if _, err := r.LoadUint32(0); !errors.Is(err, ErrClosed) {
		t.Errorf("LoadUint32 = %v, want ErrClosed", err)
	}
	if _, err := r.Pin(); !errors.Is(err, ErrClosed) {
		t.Errorf("Pin = %v, want ErrClosed", err)
	}
	if stale[0] != 0 {
		t.Error("a stale slice still reads the old memory")
	}
}

func TestPinnedRegionRefusesClose(t *testing.T) {
	r := newRegionT(t, 1)
	p, err := r.Pin()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); !errors.Is(err, ErrInUse) {
		t.Fatalf("Close = %v, want ErrInUse", err)
	}
	p.Release()
	p.Release()
	if err := r.Close(); err != nil {
		t.Fatalf("Close after release = %v", err)
	}
}

func TestCloseWaitsForAccesses(t *testing.T) {
	for range 200 {
		r := newRegionT(t, 16)
		var wg sync.WaitGroup
		buf := make([]byte, 16*pageSize)
		for range 3 {
			wg.Go(func() {
				for {
					if _, err := r.ReadAt(buf[:0:0], 0); err != nil {
						return
					}
					if _, err := r.WriteAt(make([]byte, 16*pageSize), 0); err != nil {
						return
					}
				}
			})
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
	}
}

func TestSpaceMapsAndRefusesOverlap(t *testing.T) {
	var s Space
	defer s.Close()
	page := uint64(pageSize)
	a, b := newRegionT(t, 2), newRegionT(t, 2)
	if err := s.Map(page*4, a); err != nil {
		t.Fatal(err)
	}
	for _, gpa := range []uint64{page * 3, page * 4, page * 5} {
		if err := s.Map(gpa, b); err == nil || !strings.Contains(err.Error(), "overlap") {
			t.Errorf("Map(%#x) = %v, want an overlap", gpa, err)
		}
	}
	if err := s.Map(1, b); !errors.Is(err, ErrAlign) {
		t.Errorf("Map(1) = %v, want ErrAlign", err)
	}
	if err := s.Map(^uint64(0)&^(page-1), b); err == nil {
		t.Error("a mapping that wraps was taken")
	}
	if err := s.Map(page*6, b); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); !errors.Is(err, ErrInUse) {
		t.Errorf("closing a mapped region = %v, want ErrInUse", err)
	}
	if got := s.Size(); got != 4*page {
		t.Errorf("Size = %#x, want %#x", got, 4*page)
	}

	data := bytes.Repeat([]byte{7}, 2*pageSize)
	if n, err := s.WriteAt(data, int64(page*5)); n != len(data) || err != nil {
		t.Errorf("a write over touching mappings = %d, %v", n, err)
	}
	if n, err := s.ReadAt(data, int64(page*7)); n != pageSize || !errors.Is(err, ErrRange) {
		t.Errorf("a read past the end = %d, %v; want %d and ErrRange", n, err, pageSize)
	}
	if v, err := s.LoadUint32(page * 6); v != 0x07070707 || err != nil {
		t.Errorf("LoadUint32 = %#x, %v", v, err)
	}
	if err := s.Unmap(page * 4); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("closing an unmapped region = %v", err)
	}
	if _, err := s.ReadAt(data[:1], int64(page*4)); !errors.Is(err, ErrRange) {
		t.Errorf("a read of unmapped memory = %v, want ErrRange", err)
	}
}

func FuzzSpaceAccess(f *testing.F) {
	f.Add(uint64(0), uint16(1))
	f.Add(^uint64(0), uint16(4096))
	f.Add(uint64(1)<<63, uint16(8))
	f.Fuzz(func(t *testing.T, gpa uint64, n uint16) {
		var s Space
		defer s.Close()
		r := newRegionT(t, 1)
		if err := s.Map(uint64(pageSize), r); err != nil {
			t.Fatal(err)
		}
		p := make([]byte, n)
		k, err := s.ReadAt(p, int64(gpa))
		if inside := gpa >= uint64(pageSize) && gpa+uint64(n) >= gpa && gpa+uint64(n) <= 2*uint64(pageSize); inside && err != nil {
			t.Errorf("ReadAt(%#x, %d) = %d, %v", gpa, n, k, err)
		}
		if err == nil && k != int(n) {
			t.Errorf("ReadAt(%#x, %d) = %d without an error", gpa, n, k)
		}
		_, _ = s.LoadUint64(gpa)
		_ = s.StoreUint16(gpa, 1)
	})
}

var _ interface {
	io.ReaderAt
	io.WriterAt
} = (*Space)(nil)
