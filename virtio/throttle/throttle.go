// Package throttle limits how fast a guest may use a device: so many bytes and so
// many operations a second. Who exceeds a limit waits; nothing is refused.
package throttle

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Limit is a pair of limits, 0 for none. A burst is what may pass at once after a
// pause; 0 is a tenth of a second's worth.
type Limit struct {
	BytesPerSecond, BytesBurst uint64
	OpsPerSecond, OpsBurst     uint64
}

// Throttle holds a device to a Limit. It is safe for concurrent use; those who wait
// go on in the order in which they came. The zero value has no limit.
type Throttle struct{ now atomic.Pointer[limits] }

// limits are buckets of tokens, nil where there is no limit.
type limits struct {
	bytes, ops *rate.Limiter
	replaced   chan struct{} // closed when there are others
}

// New makes a Throttle.
func New(l Limit) *Throttle {
	t := new(Throttle)
	t.Set(l)
	return t
}

// Set changes the limit, for those who wait too.
func (t *Throttle) Set(l Limit) {
	now := &limits{
		bytes:    bucket(l.BytesPerSecond, l.BytesBurst),
		ops:      bucket(l.OpsPerSecond, l.OpsBurst),
		replaced: make(chan struct{}),
	}
	if old := t.now.Swap(now); old != nil {
		close(old.replaced)
	}
}

func bucket(perSecond, burst uint64) *rate.Limiter {
	if perSecond == 0 {
		return nil
	}
	if burst == 0 {
		burst = max(perSecond/10, 1)
	}
	return rate.NewLimiter(rate.Limit(perSecond), int(min(burst, 1<<40)))
}

// Op waits until an operation may begin, or ctx ends.
func (t *Throttle) Op(ctx context.Context) error {
	return t.wait(ctx, 1, func(l *limits) *rate.Limiter { return l.ops })
}

// Bytes waits until n bytes may be moved, or ctx ends.
func (t *Throttle) Bytes(ctx context.Context, n int) error {
	return t.wait(ctx, n, func(l *limits) *rate.Limiter { return l.bytes })
}

// wait takes n tokens from a bucket, as many at a time as it can hold.
func (t *Throttle) wait(ctx context.Context, n int, which func(*limits) *rate.Limiter) error {
	for n > 0 {
		now := t.now.Load()
		if now == nil || which(now) == nil {
			break
		}
		b := which(now)
		k := min(n, b.Burst())
		taken, err := take(ctx, b, k, now.replaced)
		if err != nil {
			return err
		}
		if taken {
			n -= k
		}
	}
	return ctx.Err()
}

// take waits for n tokens of a bucket. It takes none if the bucket is replaced
// before.
func take(ctx context.Context, b *rate.Limiter, n int, replaced <-chan struct{}) (bool, error) {
	r := b.ReserveN(time.Now(), n)
	delay := r.Delay()
	if delay == 0 {
		return true, nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true, nil
	case <-replaced:
		return false, nil
	case <-ctx.Done():
		r.Cancel()
		return false, ctx.Err()
	}
}
