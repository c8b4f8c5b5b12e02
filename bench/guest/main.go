//go:build linux && amd64

// Command guest measures what a command in a guest costs, for our microvm command and
// for QEMU's microvm machine, turn by turn in one run, inside a lane of the rig: the
// round trip from start to exit status, the throughput of disks, of the network in user
// mode and of a shared directory, and the memory that the VMM takes. Both have the same
// kernel, the same first process, the same root image and the same devices; QEMU has
// vhost-vsock, slirp and virtiofsd at its side. It prints medians and ratios.
//
// The program plays three parts: on the host it boots the lane (this file), in the lane
// it runs the two VMMs (lane.go), and in the guest it is the work (work.go).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"linuxkvm/bench/internal/inlane"
	"linuxkvm/internal/rig"
)

// options are those of a measurement.
type options struct {
	roundTrips, rounds int
	each               time.Duration
}

func main() {
	if filepath.Base(os.Args[0]) == filepath.Base(guestWork) {
		exit(work(os.Args[1:]))
	}
	var o options
	lane := flag.String("lane", "amd64-6.1", "lane of the rig to measure in, whose kernel is the guest's too")
	flag.IntVar(&o.roundTrips, "round-trips", 5, "guests for the round trip, of each VMM")
	flag.IntVar(&o.rounds, "rounds", 3, "guests for the throughput, of each VMM")
	flag.DurationVar(&o.each, "each", 2*time.Second, "how long each kind of work is done")
	inLane := flag.Bool("in-lane", false, "measure here (what the program does in the lane)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *inLane {
		exit(measure(ctx, o, flag.Args()))
	}
	exit(onHost(ctx, *lane, o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/guest:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// onHost boots the lane and has this program measure in it.
func onHost(ctx context.Context, name string, o options) error {
	lane, err := rig.LaneByName(name)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "linuxkvm-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files, qemu, err := laneFiles(ctx, lane, dir)
	if err != nil {
		return err
	}
	lane.Modules = append(lane.Modules, rig.Module{Name: "vhost_vsock"})
	args := []string{
		inLane.bench, "-in-lane", "-lane", name, "-each", o.each.String(),
		"-round-trips", fmt.Sprint(o.roundTrips), "-rounds", fmt.Sprint(o.rounds), "--",
	}
	return inlane.Measure(ctx, rig.Options{
		Lane: lane, Files: files, MemoryMiB: 4096, Timeout: time.Hour, Fetch: rig.FetchOptions{Progress: os.Stderr},
	}, append(args, qemu...))
}
