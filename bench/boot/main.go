// Command boot measures how long a guest takes from the start of its VMM to its
// /init, for our microvm command and for QEMU's microvm machine: the same
// kernel, initrd, memory and command line, turn by turn in one run, inside a
// lane of the rig. It prints medians and the ratio.
//
// The program plays three parts: on the host it boots the lane (this file), in
// the lane it runs the two VMMs (lane.go), and in the guest it is /init.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"linuxkvm/bench/internal/inlane"
	"linuxkvm/internal/guest"
	"linuxkvm/internal/rig"
)

func main() {
	if guest.IsInit() {
		guestMain()
		return
	}
	laneName := flag.String("lane", "amd64-6.1", "lane of the rig to measure in, whose kernel is the guest's too")
	rounds := flag.Int("rounds", 5, "boots of each VMM")
	inLane := flag.Bool("in-lane", false, "measure here (what the program does in the lane)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *inLane {
		err = measure(ctx, *rounds, flag.Args())
	} else {
		err = onHost(ctx, *laneName, *rounds)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/boot:", err)
		os.Exit(1)
	}
}

// guestMain says that user space is reached, and ends the guest.
func guestMain() {
	fmt.Println(marker)
	fmt.Println("bench/boot: power-off failed:", guest.PowerOff())
}

// onHost boots the lane and has this program measure in it.
func onHost(ctx context.Context, laneName string, rounds int) error {
	lane, err := rig.LaneByName(laneName)
	if err != nil {
		return err
	}
	kernel, err := lane.Fetch(ctx, rig.FetchOptions{Progress: os.Stderr})
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "linuxkvm-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	initrd, command, self := filepath.Join(dir, "initrd"), filepath.Join(dir, "microvm"), filepath.Join(dir, "bench")
	if err := rig.GoBuild(ctx, lane.GOARCH, "./cmd/microvm", command); err != nil {
		return err
	}
	if err := rig.GoBuild(ctx, lane.GOARCH, "./bench/boot", self); err != nil {
		return err
	}
	if err := guest.WriteInitrdFile(initrd, self); err != nil {
		return err
	}
	files := []rig.File{
		{Guest: lanePaths.command, Host: command}, {Guest: lanePaths.bench, Host: self},
		{Guest: lanePaths.kernel, Host: kernel.Image}, {Guest: lanePaths.initrd, Host: initrd},
	}
	peer, qemu, err := inlane.QEMU(ctx, lane)
	if err != nil {
		return err
	}
	return inlane.Measure(ctx, rig.Options{Lane: lane, Files: append(files, qemu...), MemoryMiB: 3072},
		append([]string{lanePaths.bench, "-in-lane", "-rounds", fmt.Sprint(rounds), "--"}, peer...))
}
