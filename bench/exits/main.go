//go:build linux && amd64

// Command exits measures what the library costs over C: the same loops in both,
// in one run, turn by turn on the same processor. It prints medians, how they
// compare, and whether that is within the target; after that, what a VM costs in
// resident memory.
//
// It needs a usable /dev/kvm and gcc with the kernel's headers.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

type options struct {
	rounds  int
	only    string
	cpu     int
	strict  bool
	threads int
	memory  int // child process: measure memory with so many further VMs
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 500, "`turns` of each side in each row")
	flag.StringVar(&o.only, "only", "", "run one `row` only; \"memory\" for the memory of VMs")
	flag.IntVar(&o.cpu, "cpu", 0, "`processor` both sides measure on")
	flag.IntVar(&o.threads, "peer-threads", 0, "`threads` of the C peer that do nothing. A Go process has some, and with more than one the kernel counts references of descriptors, which costs each call about 50 ns")
	flag.BoolVar(&o.strict, "strict", false, "end with status 1 when a target is missed")
	flag.IntVar(&o.memory, "memory-child", 0, "used by the program itself")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	met, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if !met && o.strict {
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (met bool, err error) {
	if o.memory > 0 {
		return true, memoryChild(os.Stdout, o.memory)
	}
	met = true
	if o.only != "memory" {
		if met, err = compare(ctx, o); err != nil {
			return false, err
		}
	}
	if o.only == "" || o.only == "memory" {
		ok, err := reportMemory(ctx, os.Stdout)
		return met && ok, err
	}
	return met, nil
}

const heading = `One call in ns: medians of turns on processor %d, %d of each side. Differences and
the ratio are medians turn by turn. "Bare Go" is syscall.Syscall and nothing else:
the floor for any Go program. "Fastest" is the ratio of the fastest turns, which a
busy machine disturbs least.

`

// compare measures all rows and prints the table.
func compare(ctx context.Context, o options) (met bool, err error) {
	if err := pin(o.cpu); err != nil {
		return false, err
	}
	ours, err := newOurs()
	if err != nil {
		return false, err
	}
	defer ours.close()
	bare, err := newBare()
	if err != nil {
		return false, err
	}
	theirs, err := startPeer(ctx, o.cpu, o.threads)
	if err != nil {
		return false, err
	}
	defer theirs.close()

	fmt.Printf(heading, o.cpu, o.rounds)
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tC\tbare Go\tours\tto C\tratio\tto bare Go\ttarget\t\tfastest\t")
	met = true
	for _, r := range rows {
		if o.only != "" && o.only != r.name {
			continue
		}
		result, err := measure(ctx, r, o.rounds, theirs, bare, ours)
		if err != nil {
			return false, err
		}
		met = met && result.met()
		result.print(w, r)
	}
	return met, w.Flush()
}

// pin keeps the calling goroutine on one processor for good, and with it our
// turns: they are made here, and not on another goroutine that would have to be
// woken for each.
func pin(cpu int) error {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pin to processor %d: %w", cpu, err)
	}
	return nil
}

// measure lets the sides take turns, each as often first as the others.
func measure(ctx context.Context, r row, rounds int, theirs *peer, bare *bare, ours *ours) (result, error) {
	var res result
	sides := [sideCount]func(row) (time.Duration, error){c: theirs.turn, bareGo: bare.turn, library: ours.turn}
	for i := range rounds {
		if err := ctx.Err(); err != nil {
			return res, err
		}
		for j := range sides {
			k := (i + j) % len(sides)
			took, err := sides[k](r)
			if err != nil {
				return res, fmt.Errorf("%s: %w", r.name, err)
			}
			res[k] = append(res[k], float64(took.Nanoseconds())/float64(r.calls))
		}
	}
	return res, nil
}
