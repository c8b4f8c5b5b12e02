// Package suite runs the tests of Go packages in lanes of the rig.
package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"linuxkvm/internal/rig"
)

// Options say what to run where.
type Options struct {
	Lanes []rig.Lane
	// Patterns are packages, as the go command takes them.
	Patterns []string
	// TestArgs are arguments of the test binaries: "-test.v", "-test.run=X".
	TestArgs []string
	// Timeout is for each package, LaneTimeout for each boot.
	Timeout, LaneTimeout time.Duration
	// Retries is how often in a lane a package is tried again that was running
	// when the guest's kernel died or hung. The lost try stays in the summary.
	Retries int
	// Race builds with the race detector, which needs a C compiler and a static
	// C library.
	Race bool
	// Cover measures coverage, of CoverPkg if set.
	Cover    bool
	CoverPkg string
	// CoverDir gets raw coverage files; a temporary one if empty and needed.
	CoverDir string
	// CoverProfile gets the coverage of all lanes as text.
	CoverProfile string
	// Tags are build tags, separated by commas.
	Tags string
	// TraceDir gets what the tests record of the ioctls they issue, in a
	// directory for each lane: internal/sys with the build tag kvmtrace does that.
	TraceDir string
	// GuestKernels puts kernels for nested guests into the lanes.
	GuestKernels bool
	// Files and Env are for every test.
	Files []rig.File
	Env   []string
	// CPUs, MemoryMiB and Hardware are as in rig.Options.
	CPUs, MemoryMiB int
	Hardware        bool
	// Console gets the guests' consoles; nil is nowhere.
	Console io.Writer
	// FailureLog is a file that the lines about what failed are added to; none if
	// empty. Several runs may share it.
	FailureLog string
	// Output gets everything that a person reads.
	Output io.Writer
}

// ErrFailed says that a test failed, or that a lane did. What failed is in the
// output.
var ErrFailed = errors.New("rig: tests failed")

// Run builds the test binaries and runs them in each lane, one lane after the
// other, and prints a summary. The error is ErrFailed if anything failed.
func Run(ctx context.Context, o Options) error {
	tmp, err := os.MkdirTemp("", "rig-test-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if o.CoverProfile != "" && o.CoverDir == "" {
		o.CoverDir = filepath.Join(tmp, "cover")
	}
	if o.CoverDir != "" {
		o.Cover = true
		if err := os.MkdirAll(o.CoverDir, 0o755); err != nil {
			return err
		}
	}
	r := runner{Options: o, tmp: tmp}
	lanes, err := r.prepare(ctx)
	if err != nil {
		return err
	}
	for _, l := range lanes {
		r.runLane(ctx, l)
		if ctx.Err() != nil {
			break
		}
	}
	r.summary()
	if err := r.logFailures(); err != nil {
		return err
	}
	if err := r.profile(ctx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("rig: %w", err)
	}
	if r.failed() {
		return ErrFailed
	}
	return nil
}

type runner struct {
	Options
	tmp  string
	rows []row
}

// preparedLane is a lane with all that goes into it.
type preparedLane struct {
	rig.Lane
	kernel *rig.Kernel
	qemu   *rig.Emulator
	tests  []binary
	files  []rig.File
}

// prepare downloads what the lanes need while it builds.
func (r *runner) prepare(ctx context.Context) ([]preparedLane, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type fetched struct {
		lanes []preparedLane
		err   error
	}
	downloads := make(chan fetched, 1)
	go func() {
		lanes, err := r.fetch(ctx)
		downloads <- fetched{lanes, err}
	}()
	built, err := r.buildAll(ctx)
	if err != nil {
		cancel()
		<-downloads
		return nil, err
	}
	d := <-downloads
	if d.err != nil {
		return nil, d.err
	}
	for i := range d.lanes {
		p := &d.lanes[i]
		p.tests = built[p.GOARCH]
		if r.GuestKernels {
			if p.files, err = rig.GuestKernels(ctx, p.GOARCH, r.fetchOptions()); err != nil {
				return nil, err
			}
		}
		p.files = append(p.files, r.Files...)
	}
	return d.lanes, nil
}

func (r *runner) fetchOptions() rig.FetchOptions { return rig.FetchOptions{Progress: r.Output} }

// fetch gets the kernels and emulators of all lanes.
func (r *runner) fetch(ctx context.Context) ([]preparedLane, error) {
	var lanes []preparedLane
	for _, l := range r.Lanes {
		k, err := l.Fetch(ctx, r.fetchOptions())
		if err != nil {
			return nil, err
		}
		e, err := l.Emulator(ctx, r.fetchOptions())
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, preparedLane{Lane: l, kernel: k, qemu: e})
	}
	return lanes, nil
}
