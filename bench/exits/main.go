//go:build linux && amd64

// Command exits measures what the library costs over C, and over Rust with
// kvm-ioctls: the same loops in each, in one run, turn by turn on the same
// processor. It prints medians, how they compare, whether that is within the
// target and whether a call allocates; after that, what a VM costs in resident
// memory.
//
// It needs a usable /dev/kvm and gcc with the kernel's headers. For Rust it needs
// cargo and rustc of version 1.85 or newer; it fetches the crates as Debian
// packages. When it cannot have those it says so and measures without them.
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
	flag.IntVar(&o.threads, "peer-threads", 0, "`threads` of each peer that do nothing. A Go process has some, and with more than one the kernel counts references of descriptors, which costs each call about 50 ns")
	flag.BoolVar(&o.strict, "strict", false, "end with status 1 when a target is missed or was not measured")
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
the floor for any Go program. "Fastest" is the ratio to C, or the difference to
Rust, of the fastest turns, which a busy machine disturbs least. "Allocations" are
ours in one call, counted apart. Rust: %s

`

// sides are the processes and objects that take turns.
type sides struct {
	c, rust  *peer  // rust is nil when it cannot be had
	versions string // of what rust is made of, or why it is not there
	bare     *bare
	ours     *ours
}

// startSides leaves out what cannot be had of Rust.
func startSides(ctx context.Context, o options) (s *sides, err error) {
	s = &sides{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.c, err = startC(ctx, o.cpu, o.threads); err != nil {
		return s, err
	}
	s.rust, s.versions, err = startRust(ctx, o.cpu, o.threads)
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	if err != nil {
		s.versions = "NOT MEASURED: " + err.Error()
	}
	if s.ours, err = newOurs(); err != nil {
		return s, err
	}
	s.bare, err = newBare()
	return s, err
}

func (s *sides) close() {
	for _, p := range []*peer{s.c, s.rust} {
		if p != nil {
			p.close()
		}
	}
	if s.ours != nil {
		s.ours.close()
	}
}

// compare measures all rows and prints the table.
func compare(ctx context.Context, o options) (met bool, err error) {
	s, err := startSides(ctx, o)
	if err != nil {
		return false, err
	}
	defer s.close()
	if err := pin(o.cpu); err != nil { // only now: processes inherit it, compilers too
		return false, err
	}
	fmt.Printf(heading, o.cpu, o.rounds, s.versions)
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, columns)
	met = true
	for _, r := range rows {
		if o.only != "" && o.only != r.name {
			continue
		}
		result, err := s.measure(ctx, r, o.rounds)
		if err != nil {
			return false, fmt.Errorf("%s: %w", r.name, err)
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

// player is a side that takes turns.
type player struct {
	side int
	turn func(row) (time.Duration, error)
}

// measure lets the sides take turns, each as often first as the others.
func (s *sides) measure(ctx context.Context, r row, rounds int) (res result, err error) {
	turns := []player{{c, s.c.turn}, {bareGo, s.bare.turn}, {library, s.ours.turn}}
	if s.rust != nil {
		turns = append(turns, player{rust, s.rust.turn})
	}
	for i := range rounds {
		if err := ctx.Err(); err != nil {
			return res, err
		}
		for j := range turns {
			t := turns[(i+j)%len(turns)]
			took, err := t.turn(r)
			if err != nil {
				return res, err
			}
			res.times[t.side] = append(res.times[t.side], float64(took.Nanoseconds())/float64(r.calls))
		}
	}
	res.allocs, err = s.ours.allocs(r)
	return res, err
}
