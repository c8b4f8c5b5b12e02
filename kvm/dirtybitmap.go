package kvm

import (
	"encoding/binary"
	"iter"
	"math/bits"
)

// DirtyBitmap has one bit for every page of a memory slot. Pages are host pages,
// numbered from the start of the slot.
type DirtyBitmap struct {
	pages uint64
	// Whole 64-bit words, page 0 in the low bit of the first byte: KVM's order
	// on every architecture it has, as all but s390x are little-endian and that
	// one keeps its bitmaps so.
	bytes []byte
}

// NewDirtyBitmap returns a bitmap of that many pages, all clean.
func NewDirtyBitmap(pages uint64) *DirtyBitmap {
	return &DirtyBitmap{pages: pages, bytes: make([]byte, bitmapBytes(pages))}
}

func bitmapBytes(pages uint64) uint64 { return (pages + 63) / 64 * 8 }

// Len returns the number of pages the bitmap covers.
func (b *DirtyBitmap) Len() uint64 { return b.pages }

// Get reports whether a page is dirty; a page that is not in the bitmap is not.
func (b *DirtyBitmap) Get(page uint64) bool {
	return page < b.pages && b.bytes[page/8]&(1<<(page%8)) != 0
}

// Set marks a page. A page that is not in the bitmap is ignored.
func (b *DirtyBitmap) Set(page uint64) {
	if page < b.pages {
		b.bytes[page/8] |= 1 << (page % 8)
	}
}

// Count returns the number of dirty pages.
func (b *DirtyBitmap) Count() uint64 {
	var n int
	for i := 0; i < len(b.bytes); i += 8 {
		n += bits.OnesCount64(b.word(i))
	}
	return uint64(n)
}

// Pages goes through the numbers of the dirty pages, in ascending order.
func (b *DirtyBitmap) Pages() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for i := 0; i < len(b.bytes); i += 8 {
			for w := b.word(i); w != 0; w &= w - 1 {
				if !yield(uint64(i)*8 + uint64(bits.TrailingZeros64(w))) {
					return
				}
			}
		}
	}
}

// Merge marks what other has marked, as far as b reaches.
func (b *DirtyBitmap) Merge(other *DirtyBitmap) {
	for page := range other.Pages() {
		b.Set(page)
	}
}

func (b *DirtyBitmap) word(i int) uint64 { return binary.LittleEndian.Uint64(b.bytes[i:]) }

// pinned calls do with the address of the bitmap, which stays there for the call.
func (b *DirtyBitmap) pinned(do func(addr uint64) error) error { return pinned(b.bytes, do) }
