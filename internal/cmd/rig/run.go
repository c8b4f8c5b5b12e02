package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"linuxkvm/internal/rig"
)

// runCommand is `rig run`. Its exit status is the program's, 128 and the signal
// if one ended it, and 125 if the lane failed.
func runCommand(ctx context.Context, args []string) error {
	f := newFlags("run")
	var m machineFlags
	m.register(f)
	var programs, collect listFlag
	name := f.String("lane", rig.DefaultLanes()[0].Name, "one of "+laneNames())
	timeout := f.Duration("timeout", 0, "limit for the program; 0 is the session's")
	session := f.Duration("lane-timeout", 24*time.Hour, "limit for the session")
	console := f.Bool("console", false, "print the guest's serial console on standard error")
	kernelLog := f.Bool("kernel-log", false, "print the guest's kernel log on standard error")
	dir := f.String("dir", "/", "working directory in the guest")
	f.Var(&programs, "build", "`package[=guest path]` builds a static program for the lane into /bin; may be repeated")
	f.Var(&collect, "collect", "`guest:host` copies a file or directory back into the host directory; may be repeated")
	if err := parse(f, args); err != nil {
		return err
	}
	if f.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "rig run: which program? For example: rig run -build ./cmd/microvm -- microvm info")
		return status(statusUsage)
	}
	o := rig.Options{CPUs: m.cpus, MemoryMiB: m.memory, Hardware: m.hardware, Timeout: *session}
	o.Fetch.Progress = os.Stderr
	if *console {
		o.Console = os.Stderr
	}
	if *kernelLog {
		o.KernelLog = os.Stderr
	}
	var err error
	if o.Lane, err = rig.LaneByName(*name); err != nil {
		return rigError(err)
	}
	job := rig.Job{Args: f.Args(), Dir: *dir, Env: m.env, Timeout: *timeout}
	if err := runIn(ctx, o, job, &m, programs, collect); err != nil {
		return rigError(err)
	}
	return nil
}

// rigError prints an error that is not the program's and turns it into 125.
func rigError(err error) error {
	var code status
	if errors.As(err, &code) {
		return err
	}
	exitStatus(err)
	return status(statusRig)
}

// runIn puts the files together, boots and runs.
func runIn(ctx context.Context, o rig.Options, job rig.Job, m *machineFlags, programs, collect []string) error {
	var err error
	if o.Files, err = m.guestFiles(); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "rig-run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	built, err := build(ctx, tmp, o.Lane.GOARCH, programs)
	if err != nil {
		return err
	}
	o.Files = append(o.Files, built...)
	if m.guestKernels {
		kernels, err := rig.GuestKernels(ctx, o.Lane.GOARCH, o.Fetch)
		if err != nil {
			return err
		}
		o.Files = append(o.Files, kernels...)
		job.Env = append(job.Env, rig.GuestKernelsEnv+"="+rig.GuestKernelsDir)
	}
	for _, c := range collect {
		guest, _, ok := strings.Cut(c, ":")
		if !ok {
			return fmt.Errorf("-collect wants guest:host, not %q", c)
		}
		job.Collect = append(job.Collect, guest)
	}
	s, err := rig.Boot(ctx, o)
	if err != nil {
		return err
	}
	result, err := runInteractive(ctx, s, job)
	if err != nil {
		return err
	}
	if err := errors.Join(saveFiles(result, collect), s.Close()); err != nil {
		return err
	}
	return programStatus(result)
}

// programStatus turns a result into the exit status that a shell would show.
func programStatus(r *rig.Result) error {
	switch {
	case r.TimedOut:
		return status(124)
	case r.Signal != 0:
		return status(128 + r.Signal)
	case r.ExitCode < 0:
		return status(statusRig)
	case r.ExitCode != 0:
		return status(r.ExitCode)
	}
	return nil
}

// saveFiles writes collected files below the host directories they were asked
// for.
func saveFiles(r *rig.Result, collect []string) error {
	for _, c := range collect {
		guest, host, _ := strings.Cut(c, ":")
		for name, data := range r.Files {
			rel, err := filepath.Rel(guest, name)
			if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
				continue
			}
			if rel == "." {
				rel = filepath.Base(name)
			}
			out := filepath.Join(host, rel)
			if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(out, data, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
