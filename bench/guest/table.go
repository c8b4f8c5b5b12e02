//go:build linux && amd64

package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"linuxkvm/bench/internal/inlane"
)

// direction says which values are good ones.
type direction bool

const (
	lower  direction = false
	higher direction = true
)

// table is the result: ours beside the peer's.
type table struct {
	vmms []vmm
	rows []string
}

func newTable(vmms []vmm) *table { return &table{vmms: vmms} }

// add adds medians, and their ratio beside the target.
func (t *table) add(what, unit string, better direction, target float64, values [][]float64) {
	ours, theirs := inlane.Median(values[0]), inlane.Median(values[1])
	ratio := ours / theirs
	met, bound := ratio <= target, "at most"
	if better == higher {
		met, bound = ratio >= target, "at least"
	}
	t.rows = append(t.rows, fmt.Sprintf("%s\t%.2f\t%.2f\t%s\t%.2f\t%s %.2f\t%s", what, ours, theirs, unit, ratio, bound, target, verdict(met)))
}

// addBelow adds medians; the target is a value and not a ratio.
func (t *table) addBelow(what, unit string, limit float64, values [][]float64) {
	ours, theirs := inlane.Median(values[0]), inlane.Median(values[1])
	t.rows = append(t.rows, fmt.Sprintf("%s\t%.2f\t%.2f\t%s\t%.2f\tbelow %.0f %s\t%s", what, ours, theirs, unit, ours/theirs, limit, unit, verdict(ours < limit)))
}

// addBare adds medians for which there is no target.
func (t *table) addBare(what, unit string, values [][]float64) {
	ours, theirs := inlane.Median(values[0]), inlane.Median(values[1])
	t.rows = append(t.rows, fmt.Sprintf("%s\t%.2f\t%.2f\t%s\t%.2f\t\t", what, ours, theirs, unit, ours/theirs))
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "MISSED"
}

func (t *table) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "\nmedian of\t%s\t%s\tunit\tratio\ttarget\t\n", t.vmms[0].name(), t.vmms[1].name())
	for _, r := range t.rows {
		fmt.Fprintln(tw, r)
	}
	return tw.Flush()
}
