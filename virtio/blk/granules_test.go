package blk

import (
	"math/rand/v2"
	"testing"
)

func TestBitmap(t *testing.T) {
	const n = 300
	b, model := newBitmap(n), [n]bool{}
	for range 200 {
		first := rand.Int64N(n)
		end := min(first+1+rand.Int64N(8), n)
		b.set(first, end)
		for i := first; i < end; i++ {
			model[i] = true
		}
		from := rand.Int64N(n)
		upTo := from + 1 + rand.Int64N(n-from)
		to, in := b.run(from, upTo)
		want := from
		for want < upTo && model[want] == model[from] {
			want++
		}
		if in != model[from] || to != want {
			t.Fatalf("run(%d, %d) = %d, %v; want %d, %v", from, upTo, to, in, want, model[from])
		}
		if b.all(from, upTo) != (model[from] && want == upTo) {
			t.Fatalf("all(%d, %d) = %v", from, upTo, b.all(from, upTo))
		}
	}
}
