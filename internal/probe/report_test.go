package probe

import (
	"strings"
	"testing"
)

func TestKernelModeEmulated(t *testing.T) {
	for name, c := range map[string]struct {
		r    Report
		want bool
	}{
		"hardware":                  {Report{KernelLoop: 0.5, UserLoop: 0.5}, false},
		"hardware, odd measurement": {Report{KernelLoop: 30, UserLoop: 0.5}, false},
		"nested in an emulator":     {Report{KernelLoop: 250, UserLoop: 200}, false},
		"page tables only":          {Report{KernelLoop: 2100, UserLoop: 0.8}, true},
		"no user mode measured":     {Report{KernelLoop: 2100}, false},
	} {
		if got := c.r.KernelModeEmulated(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if got := strings.Contains(c.r.Advice(), "crawl"); got != c.want {
			t.Errorf("%s: advice %q", name, c.r.Advice())
		}
	}
}

func TestSettle(t *testing.T) {
	// A loop of 3 ns with 10 us around it.
	const perIteration, around = 3.0, 10_000.0
	runs := 0
	got, err := settle(around, func(n uint64) (float64, error) {
		runs++
		return around + float64(n)*perIteration, nil
	})
	if err != nil || got < 2.99 || got > 3.01 {
		t.Errorf("%v ns, %v; want 3", got, err)
	}
	if runs > 20 {
		t.Errorf("%d runs", runs)
	}
}

// A run that is held up for long, as on a machine with much else to do, is not taken
// for one with many iterations.
func TestSettleIsNotDisturbed(t *testing.T) {
	const perIteration, around, base = 3.0, 700_000.0, 650_000.0 // around is no better than a guess
	runs := 0
	got, err := settle(around, func(n uint64) (float64, error) {
		if runs++; runs%3 == 1 {
			return base + 50e6, nil
		}
		return base + float64(n)*perIteration, nil
	})
	if err != nil || got < 2.9 || got > 3.1 {
		t.Errorf("%v ns, %v; want 3", got, err)
	}
}

func TestSettleGivesUpOnASlowGuest(t *testing.T) {
	var total float64
	got, err := settle(0, func(n uint64) (float64, error) {
		d := float64(n) * 1e6 // a millisecond an iteration
		total += d
		return d, nil
	})
	if err != nil || got != 1e6 {
		t.Errorf("%v ns, %v", got, err)
	}
	if total > 1e9 {
		t.Errorf("took %v s", total/1e9)
	}
}
