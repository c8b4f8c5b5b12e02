//go:build linux && amd64

package main

import (
	"fmt"
	"io"
	"slices"
)

// row is one thing that is measured.
type row struct {
	name  string
	title string
	calls int // in one turn: about a millisecond, which is seldom interrupted
	bare  func(*bare, int) error
	ours  func(*ours, int) error
}

var rows = []row{
	{"port-io", "exit for port I/O", 100, (*bare).portIO, (*ours).portIO},
	{"mmio", "exit for MMIO", 100, (*bare).mmio, (*ours).mmio},
	{"decode", "exits of both kinds, all read", 100, (*bare).decode, (*ours).decode},
	{"immediate", "KVM_RUN with immediate_exit", 100, (*bare).immediate, (*ours).immediate},
	{"get-regs", "KVM_GET_REGS", 120, (*bare).getRegs, (*ours).getRegs},
	{"check-extension", "KVM_CHECK_EXTENSION", 3000, (*bare).checkExtension, (*ours).checkExtension},
	{"vm-cycle", "VM: create, run, close", 2, (*bare).vmCycle, (*ours).vmCycle},
}

// The targets. Beside C, what costs more than dear there may cost maxRatio of it,
// and the rest maxExtra more. Beside Rust everything may cost maxExtra more. And
// a call allocates nothing.
const (
	dear     = 5000.0 // ns
	maxRatio = 1.02
	maxExtra = 150.0 // ns
)

// The sides that are compared.
const (
	c = iota
	rust
	bareGo
	library
	sideCount
)

// result is the time of one call in each turn of each side, in ns; no turns of a
// side that is not there.
type result struct {
	times  [sideCount][]float64
	allocs float64 // the library's, in one call
}

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// compare returns the medians of how much longer the library takes than another
// side, and of their proportion. They are taken turn by turn: a machine that is
// slower for a while is so for both.
func (r *result) compare(side int) (extra, ratio float64) {
	var extras, ratios []float64
	for i, other := range r.times[side] {
		extras = append(extras, r.times[library][i]-other)
		ratios = append(ratios, r.times[library][i]/other)
	}
	return median(extras), median(ratios)
}

// met reports whether all targets are; one that could not be measured is not.
func (r *result) met() bool {
	return r.metC() && r.has(rust) && r.metRust() && r.allocs == 0
}

func (r *result) has(side int) bool { return len(r.times[side]) > 0 }

func (r *result) metC() bool {
	extra, ratio := r.compare(c)
	if median(r.times[c]) > dear {
		return ratio <= maxRatio
	}
	return extra <= maxExtra
}

func (r *result) metRust() bool {
	extra, _ := r.compare(rust)
	return extra <= maxExtra
}

// columns are what print prints.
const columns = "\tC\tRust\tbare Go\tours\tto C\tratio\tfastest\ttarget\t\tto bare Go\tto Rust\tfastest\ttarget\t\tallocations\t\t"

func (r *result) print(w io.Writer, row row) {
	extra, ratio := r.compare(c)
	beyond, _ := r.compare(bareGo)
	target := fmt.Sprintf("ratio %.2f", maxRatio)
	if median(r.times[c]) <= dear {
		target = fmt.Sprintf("+%.0f ns", maxExtra)
	}
	time, toRust, fastest, metRust := r.rustColumns()
	fmt.Fprintf(w, "%s\t%.0f\t%s\t%.0f\t%.0f\t%+.0f\t%.3f\t%.3f\t%s\t%s\t%+.0f\t%s\t%s\t+%.0f ns\t%s\t%.4g\t%s\t\n",
		row.title, median(r.times[c]), time, median(r.times[bareGo]), median(r.times[library]),
		extra, ratio, slices.Min(r.times[library])/slices.Min(r.times[c]), target, verdict(r.metC()),
		beyond, toRust, fastest, maxExtra, metRust, r.allocs, verdict(r.allocs == 0))
}

func (r *result) rustColumns() (time, extra, fastest, met string) {
	if !r.has(rust) {
		return "-", "-", "-", "not measured"
	}
	difference, _ := r.compare(rust)
	best := slices.Min(r.times[library]) - slices.Min(r.times[rust])
	return fmt.Sprintf("%.0f", median(r.times[rust])), fmt.Sprintf("%+.0f", difference), fmt.Sprintf("%+.0f", best), verdict(r.metRust())
}
