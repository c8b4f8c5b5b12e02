//go:build amd64 || arm64 || riscv64

package probe

import (
	"runtime"
	"slices"
	"time"

	"linuxkvm/kvm"
)

// How long and how often exits are timed: one may cost a tenth of a millisecond
// where the host is emulated.
const (
	exitTime = 100 * time.Millisecond
	exitMax  = 1000
)

// Measure runs the guests on a KVM and returns what it saw. It blocks for some
// tenths of a second and keeps its thread busy for as long.
func Measure(sys *kvm.System) (Report, error) {
	// A vCPU that changes threads pays for it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g, err := newGuest(sys)
	if err != nil {
		return Report{}, err
	}
	defer g.close()
	return g.measure()
}

func (g *guest) measure() (r Report, err error) {
	if r.Exit, err = g.exitLatency(); err != nil {
		return r, err
	}
	around := float64(r.Exit)
	if r.KernelLoop, err = settle(around, g.loop(kernelMode)); err != nil {
		return r, err
	}
	r.UserLoop, err = settle(around, g.loop(userMode))
	return r, err
}

// exitLatency is the median of many exits.
func (g *guest) exitLatency() (time.Duration, error) {
	if err := g.enter(kernelMode, exitCode, 0); err != nil {
		return 0, err
	}
	// The first run of a vCPU on a thread has work to do once.
	if _, err := g.run(); err != nil {
		return 0, err
	}
	var took []time.Duration
	for start := time.Now(); len(took) < exitMax && time.Since(start) < exitTime; {
		d, err := g.run()
		if err != nil {
			return 0, err
		}
		took = append(took, d)
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// loop returns a function that lets the guest loop n times and returns the
// nanoseconds it took.
func (g *guest) loop(m mode) func(n uint64) (float64, error) {
	return func(n uint64) (float64, error) {
		if err := g.enter(m, loopCode, n); err != nil {
			return 0, err
		}
		d, err := g.run()
		return float64(d), err
	}
}
