package kvm

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"linuxkvm/uapi"
)

// kickCases share the promised million of kicks. Many goroutines that kick at the
// same time share the answers; with few, every kick has to get through alone.
var kickCases = []struct {
	name    string
	kicks   int
	kickers int // goroutines
	guest   func(testing.TB) *VCPU
	run     func(*runner, *testing.T)
}{
	{"kernel mode loop", 100_000, 16, func(tb testing.TB) *VCPU { _, v, _ := newProgram(tb, programLoop); return v }, (*runner).loop},
	{"user mode loop", 100_000, 16, func(tb testing.TB) *VCPU { _, v, _ := newUserProgram(tb, programLoop); return v }, (*runner).loop},
	{"waits in the kernel", 640_000, 16, newWaiting, (*runner).loop},
	{"between runs", 50_000, 4, func(tb testing.TB) *VCPU { _, v, _ := newProgram(tb, programExit); return v }, (*runner).enterAndLeave},
	{"between runs that block", 60_000, 2, newWaiting, (*runner).enterAndLeave},
	{"between loops", 45_000, 4, func(tb testing.TB) *VCPU { _, v, _ := newUserProgram(tb, programLoop); return v }, (*runner).shortLoops},
	{"another thread for each run", 5_000, 2, func(tb testing.TB) *VCPU { _, v, _ := newProgram(tb, programExit); return v }, (*runner).wander},
}

func TestPromiseNoKickIsLost(t *testing.T) {
	total := 0
	for _, tc := range kickCases {
		total += tc.kicks
	}
	if total < 1_000_000 {
		t.Fatalf("the cases add up to %d kicks", total)
	}
	for _, tc := range kickCases {
		t.Run(tc.name, func(t *testing.T) {
			kickAndWait(t, tc.guest(t), tc.run, scale(t, tc.kicks, tc.kicks/100), tc.kickers)
		})
	}
}

// runner runs the vCPU until it is told to stop.
type runner struct {
	v       *VCPU
	stop    atomic.Bool
	exits   atomic.Int64 // Runs that returned
	kicked  atomic.Int64 // those that answered a kick
	strange atomic.Int64 // interruptions of other origin
}

// kickAndWait lets several goroutines send n kicks and wait for the
// acknowledgement of each, while others kick without waiting.
func kickAndWait(t *testing.T, v *VCPU, run func(*runner, *testing.T), n, kickers int) {
	r := &runner{v: v}
	var acknowledged atomic.Int64
	watchdog(t, "kicks", &acknowledged)
	gcs := collectGarbage(t)
	start := time.Now()

	var running, kicking sync.WaitGroup
	running.Go(func() { run(r, t) })
	for i := range kickers {
		share := n / kickers
		if i == 0 {
			share += n % kickers
		}
		kicking.Go(func() {
			for range share {
				if err := v.KickWait(context.Background()); err != nil {
					t.Errorf("KickWait: %v", err)
					return
				}
				acknowledged.Add(1)
			}
		})
	}
	kicking.Wait()
	took := time.Since(start)
	r.stop.Store(true)
	must(t, v.Kick())
	running.Wait()
	t.Logf("%d kicks acknowledged in %v (%v each) by %d exits out of %d, %d interruptions of other origin, %d garbage collections",
		acknowledged.Load(), took.Round(time.Millisecond), took/time.Duration(n), r.kicked.Load(), r.exits.Load(), r.strange.Load(), gcs())
	if got := acknowledged.Load(); got != int64(n) {
		t.Errorf("%d of %d kicks were acknowledged", got, n)
	}
	// The last one, which only stops the runner, may come after it has stopped.
	if posted, acked := v.core.kick.posted.Load(), v.core.kick.acked.Load(); posted != uint64(n)+1 || acked < uint64(n) || acked > posted {
		t.Errorf("%d kicks posted, %d acknowledged, want %d and at least %d", posted, acked, n+1, n)
	}
}

// saw counts an exit, and fails for one that no kick or signal explains.
func (r *runner) saw(t *testing.T, e Exit, err error) error {
	r.exits.Add(1)
	switch {
	case err != nil:
		t.Errorf("Run: %v", err)
		return err
	case e.Kicked():
		r.kicked.Add(1)
	case e.Reason() == uapi.ExitIntr:
		r.strange.Add(1)
	case e.Reason() != programExitReason:
		t.Errorf("exit reason %v", e.Reason())
		return errors.New("wrong exit")
	}
	if r.stop.Load() && e.Kicked() {
		return ErrStop
	}
	return nil
}

// loop stays in one Loop.
func (r *runner) loop(t *testing.T) {
	if err := r.v.Loop(context.Background(), func(e Exit) error { return r.saw(t, e, nil) }); err != nil {
		t.Errorf("Loop: %v", err)
	}
}

// enterAndLeave runs the vCPU anew for every exit, with pauses in between, all
// on one thread.
func (r *runner) enterAndLeave(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for i := 0; ; i++ {
		e, err := r.v.Run()
		if r.saw(t, e, err) != nil {
			return
		}
		switch i % 32 {
		case 7:
			runtime.Gosched()
		case 23:
			time.Sleep(time.Microsecond)
		}
	}
}

// shortLoops leaves each Loop after a few kicks.
func (r *runner) shortLoops(t *testing.T) {
	for ended := false; !ended; {
		left := 3
		err := r.v.Loop(context.Background(), func(e Exit) error {
			if err := r.saw(t, e, nil); err != nil {
				ended = true
				return err
			}
			if left--; left == 0 {
				return ErrStop
			}
			return nil
		})
		if err != nil {
			t.Errorf("Loop: %v", err)
			return
		}
	}
}

// wander makes every run on a thread that has not run the vCPU just before.
func (r *runner) wander(t *testing.T) {
	type result struct {
		e   Exit
		err error
	}
	results := make(chan result)
	turns := make(chan struct{})
	for range 3 {
		go func() {
			runtime.LockOSThread()
			for range turns {
				e, err := r.v.Run()
				results <- result{e, err}
			}
		}()
	}
	defer close(turns)
	for {
		turns <- struct{}{}
		got := <-results
		if r.saw(t, got.e, got.err) != nil {
			return
		}
	}
}

// A kick is answered by an exit in which the instruction of the exit before it
// is complete.
func TestPromiseKickCompletesPendingIO(t *testing.T) {
	_, v, r := newProgram(t, programRead)
	for _, wait := range []bool{false, true} {
		must(t, startProgram(v, r, programRead))
		programAnswer(runOn(t, v), 0x5a)
		if wait {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			err := v.Loop(ctx, func(e Exit) error { return errors.New(e.Reason().String()) })
			wantError(t, err, context.Canceled)
		} else {
			must(t, v.Kick())
			e, err := v.Run()
			if err != nil || !e.Kicked() || e.Reason() != uapi.ExitIntr {
				t.Fatalf("Run = %v, %v, want a kick", e.Reason(), err)
			}
		}
		if value, pc, err := programResult(v); value != 0x5a || pc != programReadEnd || err != nil {
			t.Errorf("after the kick the guest has %#x and is at %#x (%v), want 0x5a and %#x", value, pc, err, programReadEnd)
		}
		runDone(t, v)
		// What the guest was doing must not go on in the next one.
		must(t, v.Kick())
		if e, err := v.Run(); err != nil || !e.Kicked() {
			t.Fatalf("Run = %v, %v, want a kick", e.Reason(), err)
		}
	}
}

// Kicks that find nobody must not hold up a runner that wants to leave.
func TestPromiseKicksDoNotHoldUpLeaving(t *testing.T) {
	_, v, _ := newProgram(t, programExit)
	var stop atomic.Bool
	var progress atomic.Int64
	watchdog(t, "runs", &progress)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for !stop.Load() {
				if err := v.Kick(); err != nil {
					t.Errorf("Kick: %v", err)
					return
				}
			}
		})
	}
	slowest := time.Duration(0)
	for range scale(t, 2000, 100) {
		start := time.Now()
		if _, err := v.Run(); err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, time.Since(start))
		progress.Add(1)
	}
	stop.Store(true)
	wg.Wait()
	t.Logf("the slowest Run took %v", slowest)
}

func TestPromiseKickWaitEnds(t *testing.T) {
	_, v, _ := newProgram(t, programExit)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	wantError(t, v.KickWait(ctx), context.DeadlineExceeded) // nobody runs it
	ended := make(chan error, 1)
	go func() { ended <- v.KickWait(context.Background()) }()
	eventually(t, "the waiter", func() bool { return v.core.kick.waiters.Load() == 1 })
	v.Close()
	wantError(t, <-ended, ErrClosed)
	wantError(t, v.Kick(), ErrClosed)
	wantError(t, v.KickWait(context.Background()), ErrClosed)
}
