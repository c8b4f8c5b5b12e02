package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"text/tabwriter"

	"linuxkvm/internal/rig"
)

// fetchCommand is `rig fetch`.
func fetchCommand(ctx context.Context, args []string) error {
	f := newFlags("fetch")
	list := f.String("lane", "", "lanes, separated by commas, or all ("+laneNames()+")")
	update := f.Bool("update", false, "look for newer kernels, and a newer QEMU, than the cached ones")
	if err := parse(f, args); err != nil {
		return err
	}
	lanes, err := selectLanes(*list)
	if err != nil {
		return err
	}
	for _, l := range lanes {
		k, err := l.Fetch(ctx, rig.FetchOptions{Update: *update, Progress: os.Stderr})
		if err != nil {
			return err
		}
		if err := k.VerifyAll(ctx); err != nil {
			// The image and the lane's modules are whole, or Fetch had replaced
			// them: a module that only guests use is damaged.
			fmt.Fprintf(os.Stderr, "rig: %s: fetching the kernel again: %v\n", l.Name, err)
			if k, err = l.Fetch(ctx, rig.FetchOptions{Update: true, Progress: os.Stderr}); err != nil {
				return err
			}
		}
		e, err := l.Emulator(ctx, rig.FetchOptions{Update: *update, Progress: os.Stderr})
		if err != nil {
			return err
		}
		fmt.Printf("%s: Linux %s and QEMU %s are in the cache and whole\n", l.Name, k.Release, e.Version)
	}
	return nil
}

// lanesCommand is `rig lanes`.
func lanesCommand(_ context.Context, args []string) error {
	if err := parse(newFlags("lanes"), args); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "lane\tarchitecture\tkernel from\tcached\temulator")
	for _, l := range rig.Lanes() {
		cached := "no (rig fetch -lane " + l.Name + ")"
		switch k, err := l.Cached(); {
		case err == nil:
			cached = "Linux " + k.Release
		case !errors.Is(err, fs.ErrNotExist):
			cached = "damaged: " + err.Error()
		}
		fmt.Fprintf(w, "%s\t%s\tDebian %s\t%s\t%s\n", l.Name, l.GOARCH, l.Suite, cached, l.QEMU)
	}
	return w.Flush()
}

// kernelCommand is `rig kernel`.
func kernelCommand(ctx context.Context, args []string) error {
	f := newFlags("kernel")
	name := f.String("lane", rig.DefaultLanes()[0].Name, "one of "+laneNames())
	modules := f.Bool("modules", false, "print the directory of the kernel's modules instead")
	release := f.Bool("release", false, "print the kernel's release instead")
	if err := parse(f, args); err != nil {
		return err
	}
	l, err := rig.LaneByName(*name)
	if err != nil {
		return err
	}
	k, err := l.Fetch(ctx, rig.FetchOptions{Progress: os.Stderr})
	if err != nil {
		return err
	}
	switch {
	case *modules:
		fmt.Println(k.Modules)
	case *release:
		fmt.Println(k.Release)
	default:
		fmt.Println(k.Image)
	}
	return nil
}
