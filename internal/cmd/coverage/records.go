package main

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What an entry is about, and how it went.
const (
	whatIoctl  = "ioctl"
	whatExit   = "exit"
	whatCap    = "cap"    // KVM_CHECK_EXTENSION says yes
	whatEnable = "enable" // KVM_ENABLE_CAP
	whatDevice = "device" // KVM_CREATE_DEVICE
	whatGroup  = "group"  // of attributes

	resultOK    = "ok"
	resultYes   = "yes"
	resultKnown = "known" // a device type that was asked about and not made

	// guessed is before a test that was the last one seen when a goroutine
	// without a test on its stack issued the ioctl.
	guessed = "~"
)

// entry is a line of a lane's records: this test did that, with this result.
type entry struct{ what, name, kind, result, test string }

func (e entry) compare(o entry) int {
	return cmp.Or(strings.Compare(e.what, o.what), strings.Compare(e.kind, o.kind),
		strings.Compare(e.name, o.name), strings.Compare(e.result, o.result), strings.Compare(e.test, o.test))
}

// laneRecords are what the tests did in one lane.
type laneRecords struct {
	lane, goarch, kernel string
	entries              []entry
}

const recordsHeader = "# What the tests did in this lane. Recorded by `make coverage`; do not edit.\n"

func (r *laneRecords) bytes() []byte {
	var b strings.Builder
	b.WriteString(recordsHeader)
	fmt.Fprintf(&b, "lane %s %s %s\n", r.lane, r.goarch, r.kernel)
	for _, e := range r.entries {
		fmt.Fprintln(&b, e.what, e.name, e.kind, e.result, e.test)
	}
	return []byte(b.String())
}

// loadRecords reads the records of all lanes.
func loadRecords(dir string) ([]*laneRecords, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return nil, err
	}
	var all []*laneRecords
	for _, path := range paths {
		r, err := loadLane(path)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	// This machine first, then the lanes in order.
	slices.SortStableFunc(all, func(a, b *laneRecords) int {
		return strings.Compare(strings.TrimPrefix(a.lane, hostLane), strings.TrimPrefix(b.lane, hostLane))
	})
	return all, nil
}

// hostLane is the name for the machine's own /dev/kvm.
const hostLane = "host"

func loadLane(path string) (*laneRecords, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r laneRecords
	for s := bufio.NewScanner(f); ; {
		if !s.Scan() {
			if r.lane == "" {
				return nil, fmt.Errorf("%s: no line that names the lane", path)
			}
			return &r, s.Err()
		}
		w := strings.Fields(s.Text())
		switch {
		case len(w) == 0 || w[0] == "#":
		case w[0] == "lane" && len(w) == 4:
			r.lane, r.goarch, r.kernel = w[1], w[2], w[3]
		case len(w) == 5:
			r.entries = append(r.entries, entry{w[0], w[1], w[2], w[3], w[4]})
		default:
			return nil, fmt.Errorf("%s: %q has %d words, want 5", path, s.Text(), len(w))
		}
	}
}

// outcome is what the lanes have of one thing.
type outcome struct {
	lanes []string            // where it succeeded
	tests map[string][]string // of those, the tests of each lane
	// refused are other results, "EINVAL (host)".
	refused []string
}

// look finds a thing in the records.
func look(all []*laneRecords, what, name, kind string) outcome {
	o := outcome{tests: map[string][]string{}}
	for _, r := range all {
		for _, e := range r.entries {
			if e.what != what || e.name != name || kind != "" && e.kind != kind {
				continue
			}
			if e.result == resultOK || e.result == resultYes {
				if !slices.Contains(o.lanes, r.lane) {
					o.lanes = append(o.lanes, r.lane)
				}
				o.tests[r.lane] = append(o.tests[r.lane], e.test)
				continue
			}
			if text := e.result + " in " + r.lane; !slices.Contains(o.refused, text) {
				o.refused = append(o.refused, text)
			}
		}
	}
	return o
}

// byTest groups the lanes under as few tests as it takes, in the lanes' order.
func (o outcome) byTest() string {
	left := slices.Clone(o.lanes)
	var parts []string
	for len(left) > 0 {
		best, in := "", []string(nil)
		for _, lane := range left {
			for _, test := range o.tests[lane] {
				var has []string
				for _, other := range left {
					if slices.Contains(o.tests[other], test) {
						has = append(has, other)
					}
				}
				if len(has) > len(in) {
					best, in = test, has
				}
			}
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", strings.ReplaceAll(best, "_", "\\_"), strings.Join(in, ", ")))
		left = slices.DeleteFunc(left, func(lane string) bool { return slices.Contains(in, lane) })
	}
	return strings.Join(parts, "; ")
}
