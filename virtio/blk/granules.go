package blk

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// bitmap is a set of numbers that only grows. It may be used by many goroutines.
type bitmap []atomic.Uint64

func newBitmap(n int64) bitmap { return make(bitmap, (n+63)/64) }

// mask returns the bits of a range that are in word i, as a mask.
func mask(i, first, end int64) uint64 {
	m := ^uint64(0)
	if first > i*64 {
		m <<= uint64(first - i*64)
	}
	if end < (i+1)*64 {
		m &= 1<<uint64(end-i*64) - 1
	}
	return m
}

// set puts the numbers from first to before end into the set.
func (b bitmap) set(first, end int64) {
	for i := first / 64; i*64 < end; i++ {
		b[i].Or(mask(i, first, end))
	}
}

// all says whether all of them are in the set.
func (b bitmap) all(first, end int64) bool {
	at, own := b.run(first, end)
	return own && at == end
}

// run says whether first is in the set, and up to where, at most end, the numbers
// after it are like it.
func (b bitmap) run(first, end int64) (to int64, in bool) {
	in = b[first/64].Load()&(1<<uint64(first%64)) != 0
	for i := first / 64; i*64 < end; i++ {
		differ := b[i].Load()
		if in {
			differ = ^differ
		}
		if differ &= mask(i, first, end); differ != 0 {
			return max(i*64+int64(bits.TrailingZeros64(differ)), first+1), in
		}
	}
	return end, in
}

// busyRanges are ranges that goroutines work on, none of which overlap.
type busyRanges struct {
	mu   sync.Mutex
	done sync.Cond
	list [][2]int64
}

// lock waits until nobody else works on the range, and returns what ends that one
// does.
func (b *busyRanges) lock(first, end int64) (unlock func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done.L = &b.mu
	mine := [2]int64{first, end}
	for slices.ContainsFunc(b.list, func(r [2]int64) bool { return r[0] < end && first < r[1] }) {
		b.done.Wait()
	}
	b.list = append(b.list, mine)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		i := slices.Index(b.list, mine)
		b.list = slices.Delete(b.list, i, i+1)
		b.done.Broadcast()
	}
}
