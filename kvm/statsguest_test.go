package kvm

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"linuxkvm/uapi"
)

func metric(t *testing.T, s *Stats, name string) Metric {
	t.Helper()
	m, ok := s.Metric(name)
	if !ok {
		t.Fatalf("%s has no metric %q", s.ID(), name)
	}
	return m
}

// exitsMetric counts exits. Its name is the architecture's.
func exitsMetric(t *testing.T, s *Stats) Metric {
	t.Helper()
	if runtime.GOARCH == "ppc64le" {
		return metric(t, s, "sum_exits")
	}
	return metric(t, s, "exits")
}

func TestStatsOfAVCPUGrow(t *testing.T) {
	vm, v, _ := newProgram(t, programExit)
	s := statsOf(t, v, vm)
	if !strings.Contains(s.ID(), "vcpu-0") {
		t.Errorf("the id is %q", s.ID())
	}
	exits := exitsMetric(t, s)
	if exits.Type != uapi.StatsTypeCumulative || exits.Unit != uapi.StatsUnitNone || exits.Len != 1 || exits.Scale() != 1 {
		t.Errorf("exits: %+v", exits)
	}
	values := make([]uint64, s.Len())
	must(t, s.Read(values))
	before := exits.Value(values)
	for range 10 {
		runTo(t, v, programExitReason)
	}
	must(t, s.Read(values))
	if grown := exits.Value(values) - before; grown < 10 {
		t.Errorf("10 exits are counted as %d", grown)
	}
	wait := metric(t, s, "halt_wait_ns")
	if wait.Unit != uapi.StatsUnitSeconds || wait.Scale() != 1e-9 {
		t.Errorf("halt_wait_ns: %+v", wait)
	}
	hist := metric(t, s, "halt_wait_hist")
	if low, high := hist.Bucket(2); hist.Type != uapi.StatsTypeLogHist || hist.Len < 2 || low != 2 || high != 4 || len(hist.Values(values)) != hist.Len {
		t.Errorf("halt_wait_hist: %+v", hist)
	}
	if n := testing.AllocsPerRun(100, func() { must(t, s.Read(values)) }); n != 0 {
		t.Errorf("Read allocates %v times", n)
	}
}

func TestStatsWhileTheGuestRunsAndAllClose(t *testing.T) {
	for range scale(t, 50, 5) {
		vm, v, _ := newProgram(t, programExit)
		s := statsOf(t, v, vm)
		exits := exitsMetric(t, s)
		var wg sync.WaitGroup
		wg.Go(func() {
			err := v.Loop(context.Background(), func(Exit) error { return nil })
			if !errors.Is(err, ErrClosed) {
				t.Errorf("Loop = %v", err)
			}
		})
		grew := make(chan struct{}, 3)
		for range 3 {
			wg.Go(func() {
				values := make([]uint64, s.Len())
				last, told := uint64(0), false
				for {
					err := s.Read(values)
					if errors.Is(err, ErrClosed) {
						return
					}
					if n := exits.Value(values); err != nil || n < last {
						t.Errorf("exits went from %d to %d, %v", last, n, err)
						return
					} else if n > last && last != 0 && !told {
						grew <- struct{}{}
						told = true
					} else {
						last = n
					}
				}
			})
		}
		<-grew
		wg.Go(func() { must(t, v.Close()) })
		wg.Go(func() { must(t, vm.Close()) })
		wg.Go(func() { must(t, s.Close()) })
		wg.Wait()
	}
}
