package throttle

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			limit Limit
			bytes int
			ops   int
			want  time.Duration
		}{
			"none":                {Limit{}, 1 << 40, 1000, 0},
			"bytes":               {Limit{BytesPerSecond: 1000}, 1100, 1000, time.Second},
			"bytes with a burst":  {Limit{BytesPerSecond: 1000, BytesBurst: 5000}, 6000, 0, time.Second},
			"operations":          {Limit{OpsPerSecond: 10}, 1 << 40, 21, 2 * time.Second},
			"one operation":       {Limit{OpsPerSecond: 1}, 0, 2, time.Second},
			"both":                {Limit{BytesPerSecond: 1000, OpsPerSecond: 10}, 2100, 21, 4 * time.Second},
			"bursts without rate": {Limit{BytesBurst: 1, OpsBurst: 1}, 1 << 40, 1000, 0},
		} {
			th, start := New(c.limit), time.Now()
			for range c.ops {
				if err := th.Op(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if err := th.Bytes(t.Context(), c.bytes); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took < c.want-time.Millisecond || took > c.want+time.Millisecond {
				t.Errorf("%s: took %v, want %v", name, took, c.want)
			}
		}
	})
}

func TestThrottleGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if err := New(Limit{BytesPerSecond: 1}).Bytes(ctx, 1<<30); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took != time.Minute {
			t.Errorf("after %v", took)
		}
		if err := new(Throttle).Op(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a context that has ended: %v", err)
		}
	})
}

// A limit that is lifted lets go those who wait.
func TestThrottleSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := New(Limit{BytesPerSecond: 1})
		done := make(chan error)
		go func() { done <- th.Bytes(t.Context(), 1<<30) }()
		synctest.Wait()
		th.Set(Limit{})
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
