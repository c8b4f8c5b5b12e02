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
	{"immediate", "KVM_RUN with immediate_exit", 100, (*bare).immediate, (*ours).immediate},
	{"get-regs", "KVM_GET_REGS", 120, (*bare).getRegs, (*ours).getRegs},
	{"check-extension", "KVM_CHECK_EXTENSION", 3000, (*bare).checkExtension, (*ours).checkExtension},
	{"vm-cycle", "VM: create, run, close", 2, (*bare).vmCycle, (*ours).vmCycle},
}

// The targets: what costs more than dear in C may cost maxRatio of it, and the
// rest maxExtra more.
const (
	dear     = 5000.0 // ns
	maxRatio = 1.02
	maxExtra = 150.0 // ns
)

// The sides that are compared.
const (
	c = iota
	bareGo
	library
	sideCount
)

// result is the time of one call in each turn of each side, in ns.
type result [sideCount][]float64

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// compare returns the medians of how much longer the library takes than another
// side, and of their proportion. They are taken turn by turn: a machine that is
// slower for a while is so for both.
func (r *result) compare(side int) (extra, ratio float64) {
	var extras, ratios []float64
	for i, other := range r[side] {
		extras = append(extras, r[library][i]-other)
		ratios = append(ratios, r[library][i]/other)
	}
	return median(extras), median(ratios)
}

func (r *result) met() bool {
	extra, ratio := r.compare(c)
	if median(r[c]) > dear {
		return ratio <= maxRatio
	}
	return extra <= maxExtra
}

func (r *result) print(w io.Writer, row row) {
	extra, ratio := r.compare(c)
	beyond, _ := r.compare(bareGo)
	target := fmt.Sprintf("ratio %.2f", maxRatio)
	if median(r[c]) <= dear {
		target = fmt.Sprintf("+%.0f ns", maxExtra)
	}
	fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%+.0f\t%.3f\t%+.0f\t%s\t%s\t%.3f\t\n",
		row.title, median(r[c]), median(r[bareGo]), median(r[library]), extra, ratio, beyond, target, verdict(r.met()),
		slices.Min(r[library])/slices.Min(r[c]))
}
