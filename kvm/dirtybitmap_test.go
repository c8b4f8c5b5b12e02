package kvm

import (
	"math"
	"slices"
	"testing"
)

func TestDirtyBitmap(t *testing.T) {
	b := NewDirtyBitmap(130)
	want := []uint64{0, 1, 63, 64, 127, 128, 129}
	for _, page := range want {
		b.Set(page)
	}
	b.Set(130) // not in the bitmap
	b.Set(math.MaxUint64)
	if got := slices.Collect(b.Pages()); !slices.Equal(got, want) {
		t.Errorf("Pages: %v, want %v", got, want)
	}
	if n := b.Count(); n != uint64(len(want)) {
		t.Errorf("Count: %d, want %d", n, len(want))
	}
	if !b.Get(129) || b.Get(2) || b.Get(130) || b.Get(math.MaxUint64) {
		t.Error("Get tells other pages than were set")
	}
	for page := range b.Pages() {
		if page == 63 {
			break
		}
	}
	small := NewDirtyBitmap(64)
	small.Merge(b)
	if got := slices.Collect(small.Pages()); !slices.Equal(got, want[:3]) {
		t.Errorf("Pages after Merge: %v, want %v", got, want[:3])
	}
	if n := len(NewDirtyBitmap(0).bytes); n != 0 {
		t.Errorf("a bitmap of no pages has %d bytes", n)
	}
}
