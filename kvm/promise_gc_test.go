package kvm

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"
)

// A vCPU that sits in the guest holds up neither the garbage collector nor other
// goroutines: not when it computes, and not when it waits for an interrupt
// inside the kernel. The numbers asked for are those of a busy machine that is
// emulated; what they tell apart is progress from none, which a KVM_RUN outside of
// the scheduler's knowledge makes.
func TestPromiseGarbageCollectionGoesOn(t *testing.T) {
	needSoundNesting(t, "the host stops when there is a loop on each of its processors")
	for name, guest := range map[string]func(testing.TB) *VCPU{
		"user mode loop":      func(tb testing.TB) *VCPU { _, v, _ := newUserProgram(tb, programLoop); return v },
		"kernel mode loop":    func(tb testing.TB) *VCPU { _, v, _ := newProgram(tb, programLoop); return v },
		"waits in the kernel": newWaiting,
	} {
		t.Run(name, func(t *testing.T) { sitInGuest(t, guest(t), 3*time.Second) })
	}
}

func sitInGuest(t *testing.T, v *VCPU, d time.Duration) {
	var exits atomic.Int64
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	ended := make(chan error, 1)
	start := time.Now()
	go func() {
		ended <- v.Loop(ctx, func(Exit) error { exits.Add(1); return nil })
	}()

	pauses := pausesSince()
	garbage := collectGarbage(t)
	ticks, slowest := 0, time.Duration(0)
	for last := start; ctx.Err() == nil; {
		time.Sleep(time.Millisecond)
		now := time.Now()
		slowest = max(slowest, now.Sub(last))
		last = now
		ticks++
	}
	err := <-ended
	took := time.Since(start)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Loop = %v", err)
	}
	cycles, longest := garbage(), pauses()
	t.Logf("in the guest for %v with %d interruptions: %d garbage collections, longest pause %v; %d ticks of 1 ms, longest gap %v",
		took.Round(time.Millisecond), exits.Load(), cycles, longest, ticks, slowest)
	if cycles < 5 {
		t.Errorf("%d garbage collections in %v, want 5 or more", cycles, d)
	}
	// Outside of the scheduler's knowledge, the collector has to interrupt the
	// thread for every cycle.
	if exits.Load() > int64(cycles)/2+20 {
		t.Errorf("%d interruptions of the guest in %d garbage collections, want few", exits.Load(), cycles)
	}
	if ticks < 30 {
		t.Errorf("%d ticks of 1 ms in %v, want 30 or more", ticks, d)
	}
	if longest > d/2 || slowest > d/2 {
		t.Errorf("longest pause %v, longest gap between ticks %v, want both well under %v", longest, slowest, d)
	}
	if took > d+5*time.Second {
		t.Errorf("the Loop ended %v after its context", took-d)
	}
}

// pausesSince returns the longest pause of the world since it was called.
func pausesSince() func() time.Duration {
	var before debug.GCStats
	debug.ReadGCStats(&before)
	return func() time.Duration {
		var now debug.GCStats
		debug.ReadGCStats(&now)
		longest := time.Duration(0)
		// The runtime remembers the last 256 pauses, the newest first.
		for _, p := range now.Pause[:min(int64(len(now.Pause)), now.NumGC-before.NumGC)] {
			longest = max(longest, p)
		}
		return longest
	}
}

// All the scheduler's slots are taken by vCPUs, and more.
func TestPromiseManyVCPUsLeaveRoomForGoroutines(t *testing.T) {
	needSoundNesting(t, "the host stops when there is a loop on each of its processors")
	var progress atomic.Int64
	watchdog(t, "garbage collections", &progress)
	ctx, cancel := context.WithCancel(context.Background())
	n := runtime.GOMAXPROCS(0) + 2
	ended := make(chan error, n)
	for range n {
		_, v, _ := newUserProgram(t, programLoop)
		go func() { ended <- v.Loop(ctx, func(Exit) error { return nil }) }()
	}
	for range 20 {
		runtime.GC()
		progress.Add(1)
	}
	cancel()
	for range n {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Loop = %v", err)
		}
	}
}
