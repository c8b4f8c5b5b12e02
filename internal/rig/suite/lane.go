package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"linuxkvm/internal/rig"
)

const (
	// guestSource is where packages' directories are in the guest.
	guestSource = "/src"
	// guestTests is where the test binaries are.
	guestTests = "/rig/tests"
	// guestCover is where the tests leave their coverage.
	guestCover = "/rig/cover"
	// guestTrace is where they leave what they record of their ioctls.
	guestTrace = "/rig/trace"
	// traceEnv tells the recorder in internal/sys where that is.
	traceEnv = "KVM_TEST_TRACE"
	// maxBoots is how often a lane is booted again after it was lost.
	maxBoots = 4
)

// runLane runs every test in a lane. A package that takes the lane down is its
// failure alone, and the rest goes on in a new boot, with that package again if
// it has a try left.
func (r *runner) runLane(ctx context.Context, l preparedLane) {
	left, tries := l.tests, r.Retries
	for boots := 1; len(left) > 0 && ctx.Err() == nil; boots++ {
		done, err := r.boot(ctx, l, left)
		if err == nil {
			return
		}
		r.report(l, err)
		if done == 0 && boots == 1 || boots == maxBoots {
			r.skipRest(l, left, done)
			return
		}
		if done > 0 && tries > 0 && lost(err) {
			tries--
			done--
			r.again(l, left[done])
		}
		left = left[done:]
	}
}

// lost reports whether the guest's kernel is what failed, which is no program's
// doing: KVM's, or that of the emulation beneath it.
func lost(err error) bool {
	var f *rig.Failure
	if !errors.As(err, &f) {
		return false
	}
	switch f.Reason {
	case rig.KernelPanic, rig.KernelOops, rig.MissingResult, rig.Hang:
		return true
	}
	return false
}

// again keeps the row of the lost try in the summary, marked as one that was
// tried again.
func (r *runner) again(l preparedLane, t binary) {
	last := &r.rows[len(r.rows)-1]
	last.verdict += ", TRIED AGAIN"
	last.ok = true
	fmt.Fprintf(r.Output, "%s | rig: %s is tried again in a new boot\n", l.Name, t.pkg)
}

// report prints a lane's failure with the end of its console.
func (r *runner) report(l preparedLane, err error) {
	text := err.Error()
	var f *rig.Failure
	if errors.As(err, &f) {
		text = f.Report()
	}
	w := newPrefixWriter(r.Output, l.Name)
	fmt.Fprintln(w, text)
	w.flush()
}

// boot boots the lane once and runs tests in it. It returns how many have a row;
// an error is about the lane.
func (r *runner) boot(ctx context.Context, l preparedLane, tests []binary) (done int, err error) {
	files, err := r.guestFiles(l, tests)
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(r.Output, "%s | booting Linux %s under QEMU %s\n", l.Name, l.kernel.Release, l.qemu.Version)
	opts := rig.Options{
		Lane: l.Lane, Files: files, CPUs: r.CPUs, MemoryMiB: r.MemoryMiB, Hardware: r.Hardware,
		Timeout: r.LaneTimeout, Fetch: r.fetchOptions(),
	}
	if r.Console != nil {
		console := newPrefixWriter(r.Console, l.Name+" console")
		defer console.flush()
		opts.Console = console
	}
	s, err := rig.Boot(ctx, opts)
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(r.Output, "%s | /dev/kvm is there after %.1f s\n", l.Name, s.BootTime.Seconds())
	for _, t := range tests {
		if err := r.runTest(ctx, s, l, t); err != nil {
			return done + 1, errors.Join(err, s.Close())
		}
		done++
	}
	if err := s.Close(); err != nil {
		r.rows = append(r.rows, row{lane: l.Name, pkg: "(power off)", verdict: verdictOf(err), why: []string{err.Error()}})
		return done, err
	}
	r.warn(l.Name, s.KernelWarnings())
	return done, nil
}

// runTest runs one test binary and records the row. An error means that the lane
// is lost.
func (r *runner) runTest(ctx context.Context, s *rig.Session, l preparedLane, t binary) error {
	out := newPrefixWriter(r.Output, l.Name)
	job := r.job(l, t)
	job.Stdout, job.Stderr = out, out
	start := time.Now()
	result, err := s.Run(ctx, job)
	out.flush()
	entry := row{lane: l.Name, pkg: t.pkg, took: time.Since(start)}
	if err != nil {
		entry.verdict, entry.why = verdictOf(err), []string{err.Error()}
		r.rows = append(r.rows, entry)
		return err
	}
	entry.took = result.Duration
	entry.verdict, entry.ok = judge(result)
	if !entry.ok {
		entry.why = failures(result.Output)
	}
	r.rows = append(r.rows, entry)
	r.warn(l.Name, result.KernelWarnings)
	for _, p := range result.Leftover {
		fmt.Fprintf(r.Output, "%s | rig: %s left a process running: %s\n", l.Name, t.pkg, p)
	}
	fmt.Fprintf(r.Output, "%s | %s\t%s\t%.1fs\n", l.Name, entry.verdict, t.pkg, entry.took.Seconds())
	return errors.Join(r.saveCoverage(t, result), r.saveTrace(l, t, result))
}

func (r *runner) warn(lane string, lines []string) {
	for _, line := range lines {
		fmt.Fprintf(r.Output, "%s | kernel: %s\n", lane, line)
	}
}

// judge puts a result into a word.
func judge(result *rig.Result) (verdict string, ok bool) {
	switch {
	case result.TimedOut:
		return "TIMEOUT", false
	case result.Signal != 0:
		return fmt.Sprintf("SIGNAL %d", result.Signal), false
	case result.ExitCode != 0:
		return "FAIL", false
	case strings.Contains(string(result.Output), "testing: warning: no tests to run"):
		return "ok (no tests to run)", true
	default:
		return "ok", true
	}
}

func verdictOf(err error) string {
	var f *rig.Failure
	if errors.As(err, &f) {
		return strings.ToUpper(f.Reason.String())
	}
	return "ERROR"
}

// skipRest records what was not run.
func (r *runner) skipRest(l preparedLane, tests []binary, done int) {
	for _, t := range tests[done:] {
		r.rows = append(r.rows, row{lane: l.Name, pkg: t.pkg, verdict: "NOT RUN"})
	}
}

// guestFiles are the test binaries, their testdata and what was asked for.
func (r *runner) guestFiles(l preparedLane, tests []binary) ([]rig.File, error) {
	files := append([]rig.File(nil), l.files...)
	for _, t := range tests {
		files = append(files, rig.File{Guest: t.guest(), Host: t.host})
		if r.CoverDir != "" {
			files = append(files, rig.File{Guest: t.coverDir() + "/"})
		}
		testdata := filepath.Join(t.dir, "testdata")
		switch _, err := os.Stat(testdata); {
		case err == nil:
			files = append(files, rig.File{Guest: path.Join(guestSource, t.rel, "testdata"), Host: testdata})
		case os.IsNotExist(err):
			files = append(files, rig.File{Guest: path.Join(guestSource, t.rel) + "/"})
		default:
			return nil, err
		}
	}
	return files, nil
}

func (t binary) guest() string { return path.Join(guestTests, filepath.Base(t.host)) }

func (t binary) coverDir() string { return path.Join(guestCover, filepath.Base(t.host)) }

func (t binary) traceDir() string { return path.Join(guestTrace, filepath.Base(t.host)) }

// job is the command that runs a package's tests, in the package's directory as
// go test does.
func (r *runner) job(l preparedLane, t binary) rig.Job {
	args := []string{t.guest(), "-test.paniconexit0"}
	env := append(inherited(),
		"KVM_TEST_REQUIRE=1", "KVM_TEST_LANE="+l.Name, "KVM_TEST_KERNEL="+l.kernel.Version())
	if r.GuestKernels {
		env = append(env, rig.GuestKernelsEnv+"="+rig.GuestKernelsDir)
	}
	job := rig.Job{Dir: path.Join(guestSource, t.rel)}
	if r.Timeout > 0 {
		// The test binary gets the first chance: it says which test hangs.
		args = append(args, fmt.Sprintf("-test.timeout=%v", r.Timeout))
		job.Timeout = r.Timeout + 15*time.Second
	}
	if r.CoverDir != "" {
		dir := t.coverDir()
		args = append(args, "-test.gocoverdir="+dir)
		env = append(env, "GOCOVERDIR="+dir)
		job.Collect = append(job.Collect, dir)
	}
	if r.TraceDir != "" {
		dir := t.traceDir()
		env = append(env, traceEnv+"="+dir)
		job.Collect = append(job.Collect, dir)
	}
	job.Args = append(args, r.TestArgs...)
	job.Env = append(env, r.Env...)
	return job
}

// inherited are the variables of our own environment that are meant for tests.
func inherited() []string {
	var env []string
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "KVM_TEST_") {
			env = append(env, v)
		}
	}
	return env
}
