package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"linuxkvm/internal/rig/suite"
)

// testCommand is `rig test`.
func testCommand(ctx context.Context, args []string) error {
	f := newFlags("test")
	var m machineFlags
	m.register(f)
	var o suite.Options
	lanes := f.String("lane", "", "lanes, separated by commas, or all; default: those of this architecture ("+laneNames()+")")
	verbose := f.Bool("v", false, "print every test")
	short := f.Bool("short", false, "tell the tests to be short")
	run := f.String("run", "", "run only tests that match this `regexp`")
	skip := f.String("skip", "", "do not run tests that match this `regexp`")
	bench := f.String("bench", "", "run benchmarks that match this `regexp`")
	count := f.Int("count", 1, "run each test so many times")
	failfast := f.Bool("failfast", false, "stop a package at its first failure")
	console := f.Bool("console", false, "print the guests' serial consoles")
	f.DurationVar(&o.Timeout, "timeout", 10*time.Minute, "limit for each package")
	f.DurationVar(&o.LaneTimeout, "lane-timeout", time.Hour, "limit for each boot")
	f.IntVar(&o.Retries, "retries", 0, "try a package again, so often in each lane, that ran when the guest's kernel died")
	f.BoolVar(&o.Race, "race", false, "use the race detector (needs gcc)")
	f.BoolVar(&o.Cover, "cover", false, "measure coverage")
	f.StringVar(&o.CoverPkg, "coverpkg", "", "measure coverage of these `packages`")
	f.StringVar(&o.CoverDir, "coverdir", "", "write raw coverage files to this `directory`")
	f.StringVar(&o.CoverProfile, "coverprofile", "", "write the coverage of all lanes to this `file`")
	f.StringVar(&o.Tags, "tags", "", "build with these `tags`, separated by commas")
	f.StringVar(&o.TraceDir, "trace", "", "record the tests' ioctls in this `directory`, below the lane's name")
	f.StringVar(&o.FailureLog, "failures", "", "add lines about what failed to this `file`")
	patterns, testArgs := splitArgs(args)
	if err := parse(f, patterns); err != nil {
		return err
	}
	if f.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "rig test: which packages? For example: rig test ./kvm ./memory")
		return status(statusUsage)
	}
	var err error
	if o.Lanes, err = selectLanes(*lanes); err != nil {
		return err
	}
	if o.Files, err = m.guestFiles(); err != nil {
		return err
	}
	o.Patterns, o.Env, o.Output = f.Args(), m.env, os.Stdout
	o.CPUs, o.MemoryMiB, o.Hardware, o.GuestKernels = m.cpus, m.memory, m.hardware, m.guestKernels
	if *console {
		o.Console = os.Stdout
	}
	o.TestArgs = slices.Concat(goTestArgs(map[string]string{
		"run": *run, "skip": *skip, "bench": *bench,
	}), boolArgs(map[string]bool{"v": *verbose, "short": *short, "failfast": *failfast}),
		[]string{fmt.Sprintf("-test.count=%d", *count)}, testArgs)
	return suite.Run(ctx, o)
}

// splitArgs splits at "--": what follows is for the test binaries.
func splitArgs(args []string) (ours, theirs []string) {
	if i := slices.Index(args, "--"); i >= 0 {
		return args[:i], args[i+1:]
	}
	return args, nil
}

func goTestArgs(values map[string]string) []string {
	var args []string
	for name, value := range values {
		if value != "" {
			args = append(args, "-test."+name+"="+value)
		}
	}
	slices.Sort(args)
	return args
}

func boolArgs(values map[string]bool) []string {
	var args []string
	for name, value := range values {
		if value {
			args = append(args, "-test."+name)
		}
	}
	slices.Sort(args)
	return args
}
