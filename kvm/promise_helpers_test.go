package kvm

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The promise tests prove what this package says of kicks, closing, the garbage
// collector and many VMs, each many times over. scale chooses how often: full on
// a machine of its own, a twentieth with -short, and few in the rig, where an
// exit takes ten times as long and making a VM much longer.
func scale(tb testing.TB, full, few int) int {
	tb.Helper()
	switch {
	case os.Getenv("KVM_TEST_LANE") != "":
		tb.Logf("%d of %d rounds: this is the rig; a plain run on a machine does them all", few, full)
		return few
	case testing.Short():
		n := max(full/20, 1)
		tb.Logf("%d of %d rounds: -short", n, full)
		return n
	}
	return full
}

// needSoundNesting skips a test where this host is a guest of QEMU's and QEMU's
// emulation of guests of such a host is not up to it.
func needSoundNesting(tb testing.TB, trouble string) {
	tb.Helper()
	if runtime.GOARCH != "ppc64le" {
		return
	}
	if _, err := os.Stat("/proc/device-tree/ibm,opal"); err != nil {
		tb.Skipf("needs a bare machine (lane ppc64le-powernv): under QEMU's emulation of nested guests %s", trouble)
	}
}

// watchdog ends the process, with the stacks of all goroutines, when progress
// stands still: a wake-up that was lost would hang the test otherwise.
func watchdog(tb testing.TB, what string, progress *atomic.Int64) {
	tb.Helper()
	const patience = 30 * time.Second
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		last, since := progress.Load(), time.Now()
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
			now := progress.Load()
			if now != last {
				last, since = now, time.Now()
			}
			if time.Since(since) > patience {
				fmt.Fprintf(os.Stderr, "%s: no progress for %v after %d\n%s\n", what, patience, now, allStacks())
				panic(tb.Name() + ": lost wake-up")
			}
		}
	}()
	tb.Cleanup(func() {
		close(stop)
		<-done
	})
}

func allStacks() []byte {
	buf := make([]byte, 1<<20)
	return buf[:runtime.Stack(buf, true)]
}

// collectGarbage keeps the garbage collector busy until the test ends and
// returns how many cycles there have been.
func collectGarbage(tb testing.TB) (cycles func() uint32) {
	tb.Helper()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		var keep [][]byte
		for {
			select {
			case <-stop:
				return
			default:
			}
			keep = append(keep[:len(keep)%64], make([]byte, 64<<10))
			if len(keep) == 64 {
				runtime.GC()
				time.Sleep(3 * time.Millisecond)
			}
		}
	}()
	tb.Cleanup(func() {
		close(stop)
		<-done
	})
	return func() uint32 {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		return now.NumGC - before.NumGC
	}
}

// usage is what a process must not have more and more of.
type usage struct {
	fds      int
	mappings int // shared ones, which are all of ours and none of the Go runtime's
	threads  int
	heap     uint64 // bytes in use
}

func measureUsage(tb testing.TB) usage {
	tb.Helper()
	// Twice: the first finds what is unreachable, and its cleanups make more so.
	runtime.GC()
	runtime.GC()
	var u usage
	fds, err := filepath.Glob("/proc/self/fd/*")
	must(tb, err)
	u.fds = len(fds)
	maps, err := os.ReadFile("/proc/self/maps")
	must(tb, err)
	for line := range strings.Lines(string(maps)) {
		if mode := strings.Fields(line)[1]; strings.HasSuffix(mode, "s") {
			u.mappings++
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	must(tb, err)
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "Threads: %d", &u.threads); err == nil {
			break
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u.heap = m.HeapAlloc
	return u
}
