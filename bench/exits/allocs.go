//go:build linux && amd64

package main

import (
	"errors"
	"testing"
)

// allocs returns how many allocations one call of a row makes. What a turn
// allocates however many calls it has, for its Loop and its handler, is taken off:
// that is the difference of two turns, of which one has more calls. Nothing of
// this is timed.
func (o *ours) allocs(r row) (float64, error) {
	var errs error
	count := func(calls int) float64 {
		return testing.AllocsPerRun(5, func() { errs = errors.Join(errs, r.ours(o, calls)) })
	}
	once, twice := count(r.calls), count(2*r.calls)
	return (twice - once) / float64(r.calls), errs
}
