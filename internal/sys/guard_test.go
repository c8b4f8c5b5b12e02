package sys

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestGuardDestroysExactlyOnceAfterTheLastUser(t *testing.T) {
	for range 2000 {
		var (
			g         Guard
			inside    atomic.Int32
			destroyed atomic.Int32
			firsts    atomic.Int32
			wg        sync.WaitGroup
		)
		destroy := func() {
			if n := inside.Load(); n != 0 {
				t.Errorf("destroyed with %d users inside", n)
			}
			destroyed.Add(1)
		}
		for range 4 {
			wg.Go(func() {
				for g.Acquire() {
					inside.Add(1)
					runtime.Gosched()
					inside.Add(-1)
					if g.Release() {
						destroy()
					}
				}
			})
		}
		for range 2 {
			wg.Go(func() {
				first, last := g.Close()
				if first {
					firsts.Add(1)
				}
				if last && first {
					destroy()
				}
			})
		}
		wg.Wait()
		if destroyed.Load() != 1 || firsts.Load() != 1 {
			t.Fatalf("destroyed %d times by %d first closers, want 1 and 1", destroyed.Load(), firsts.Load())
		}
	}
}

func TestExposedMappingKeepsItsRangeAndReadsZero(t *testing.T) {
	m, err := MapAnonymous(uintptr(PageSize()))
	if err != nil {
		t.Fatal(err)
	}
	m.Expose()
	b := m.Bytes()
	b[0] = 0xaa
	m.Destroy()
	if b[0] != 0 {
		t.Errorf("a stale byte reads %#x, want 0", b[0])
	}
	b[0] = 1 // must not fault
}

func TestKeptMappingKeepsItsRange(t *testing.T) {
	m, err := MapAnonymous(uintptr(PageSize()))
	if err != nil {
		t.Fatal(err)
	}
	after := 0
	m.KeepRange()
	m.AfterDestroy(func() { after++ })
	b := m.Bytes()
	b[0] = 0xaa
	if !m.RangeKept() || m.Exposed() || after != 0 {
		t.Error("the mapping is not what was asked for")
	}
	m.Destroy()
	if b[0] != 0 || after != 1 {
		t.Errorf("after Destroy a stale byte reads %#x, and the function was called %d times", b[0], after)
	}
}
