package suite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"linuxkvm/internal/rig"
)

// TestRun runs a package that passes, one that takes the lane down, twice, and one
// that fails, in three boots of one lane.
func TestRun(t *testing.T) {
	l, err := rig.LaneByName("amd64-6.1")
	if err != nil {
		t.Fatal(err)
	}
	need(t)
	t.Setenv("KVM_TEST_FROM_HOST", "inherited")
	profile, trace := filepath.Join(t.TempDir(), "cover.out"), t.TempDir()
	var out bytes.Buffer
	err = Run(t.Context(), Options{
		Lanes:    []rig.Lane{l},
		Patterns: []string{"./testdata/good", "./testdata/fatal", "./testdata/bad", "./testdata/none"},
		TestArgs: []string{"-test.v"}, Env: []string{"EXTRA=given"},
		Timeout: time.Minute, LaneTimeout: 5 * time.Minute,
		CoverProfile: profile, TraceDir: trace, GuestKernels: true, Output: &out, Retries: 1,
	})
	t.Log(out.String())
	if !errors.Is(err, ErrFailed) {
		t.Fatalf("error %v, want %v", err, ErrFailed)
	}
	for _, want := range []string{
		"amd64-6.1 | --- PASS: TestSurroundings",
		"amd64-6.1 | rig: lane amd64-6.1: kernel panic while",
		"amd64-6.1 |     bad_test.go:6: this is bad",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output has no %q", want)
		}
	}
	wantRows(t, out.String(), map[string]string{"good": "ok", "fatal": "KERNEL PANIC, TRIED AGAIN", "bad": "FAIL"})
	if n := strings.Count(out.String(), "testdata/fatal  KERNEL PANIC"); n != 2 {
		t.Errorf("%d rows of the package that ends its kernel, want 2", n)
	}
	wantTrace(t, trace)
	text, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}
	// The statements of Covered: two ran, one did not.
	counts := map[string]int{}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "good.go") {
			counts[strings.TrimSpace(line[strings.LastIndex(line, " "):])]++
		}
	}
	if counts["1"] != 2 || counts["0"] != 1 {
		t.Errorf("coverage %v:\n%s", counts, text)
	}
}

// wantRows checks the summary, which is after the last empty line.
func wantRows(t *testing.T, out string, want map[string]string) {
	t.Helper()
	_, table, _ := strings.Cut(out, "\n\nlane ")
	for pkg, verdict := range want {
		prefix := fmt.Sprintf("amd64-6.1  linuxkvm/internal/rig/suite/testdata/%s ", pkg)
		_, rest, ok := strings.Cut(table, prefix)
		if !ok || !strings.HasPrefix(strings.TrimSpace(rest), verdict+" ") {
			t.Errorf("no row that says %s for %s", verdict, pkg)
		}
	}
}

// wantTrace looks for the ioctl that the good test issues.
func wantTrace(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "amd64-6.1", "linuxkvm_internal_rig_suite_testdata_good.test.*.jsonl"))
	if err != nil || len(names) != 1 {
		t.Fatalf("records of ioctls: %v, %v", names, err)
	}
	text, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	if want := `"test":"linuxkvm/internal/rig/suite/testdata/good.TestSurroundings","fd":"/dev/kvm"`; !strings.Contains(string(text), want) {
		t.Errorf("the records have no %s:\n%s", want, text)
	}
}

func need(t *testing.T) {
	t.Helper()
	if lane := os.Getenv("KVM_TEST_LANE"); lane != "" {
		t.Skipf("this is lane %s; the rig runs outside of it", lane)
	}
	if testing.Short() {
		t.Skip("it boots a machine: run without -short")
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		if os.Getenv("KVM_TEST_REQUIRE") == "1" {
			t.Fatal("apt-get is missing: QEMU and kernels come from Debian")
		}
		t.Skip("apt-get is missing: QEMU and kernels come from Debian")
	}
}

// TestNothingToRun does not come as far as a lane.
func TestNothingToRun(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("go is missing: apt-get install golang-go")
	}
	for pattern, want := range map[string]string{
		"./testdata/none": "no tests in ./testdata/none",
		"./nonesuch":      "go list",
	} {
		err := runWithoutLanes(t.Context(), pattern)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", pattern, err, want)
		}
	}
}

func runWithoutLanes(ctx context.Context, pattern string) error {
	r := runner{Options: Options{Patterns: []string{pattern}}}
	_, err := r.build(ctx, "amd64")
	return err
}

func TestBuildFlags(t *testing.T) {
	for want, o := range map[string]Options{
		"":                      {},
		"-tags=a,b":             {Tags: "a,b"},
		"-tags=kvmtrace":        {TraceDir: "x"},
		"-tags=a,kvmtrace":      {Tags: "a", TraceDir: "x"},
		"-tags=kvmtrace -cover": {TraceDir: "x", Cover: true},
	} {
		r := runner{Options: o}
		if got := strings.Join(r.buildFlags(), " "); got != want {
			t.Errorf("%+v: %q, want %q", o, got, want)
		}
	}
}

func TestPrefixWriter(t *testing.T) {
	var out bytes.Buffer
	w := newPrefixWriter(&out, "lane")
	for _, s := range []string{"a", "b\n\nc", "\r\n", "", "end"} {
		if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatal(n, err)
		}
	}
	w.flush()
	w.flush()
	if want := "lane | ab\nlane | \nlane | c\nlane | end\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		result  rig.Result
		verdict string
		ok      bool
	}{
		{rig.Result{}, "ok", true},
		{rig.Result{Output: []byte("testing: warning: no tests to run\nPASS\n")}, "ok (no tests to run)", true},
		{rig.Result{ExitCode: 1}, "FAIL", false},
		{rig.Result{ExitCode: -1, Signal: 11}, "SIGNAL 11", false},
		{rig.Result{ExitCode: 2, TimedOut: true}, "TIMEOUT", false},
	} {
		if verdict, ok := judge(&c.result); verdict != c.verdict || ok != c.ok {
			t.Errorf("%+v: %s, %v", c.result, verdict, ok)
		}
	}
}

// TestFailed: nothing run is no success.
func TestFailed(t *testing.T) {
	ok, bad := row{ok: true}, row{}
	for _, c := range []struct {
		rows []row
		want bool
	}{{nil, true}, {[]row{ok}, false}, {[]row{ok, bad}, true}} {
		if got := (&runner{rows: c.rows}).failed(); got != c.want {
			t.Errorf("%v: %v", c.rows, got)
		}
	}
}

// TestSummary: the end of the output says what failed and why.
func TestSummary(t *testing.T) {
	var out bytes.Buffer
	log := filepath.Join(t.TempDir(), "failures")
	r := runner{Options: Options{Output: &out, FailureLog: log}}
	test := "=== RUN   TestA\n    --- FAIL: TestA/b (0.1s)\n    a_test.go:1: x\n--- FAIL: TestA (0.1s)\nFAIL\n"
	r.rows = []row{
		{lane: "l", pkg: "p", verdict: "ok", ok: true},
		{lane: "l", pkg: "q", verdict: "FAIL", why: failures([]byte(test))},
	}
	r.summary()
	_, after, _ := strings.Cut(out.String(), "FAIL    ")
	why := "l q: FAIL\nl q:     --- FAIL: TestA/b (0.1s)\nl q: --- FAIL: TestA (0.1s)\n"
	if want := "0.0 s\n" + why; after != want {
		t.Errorf("%q, want %q", after, want)
	}
	for range 2 {
		if err := r.logFailures(); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(log); string(got) != why+why || err != nil {
		t.Errorf("logged %q, %v", got, err)
	}
	if n := len(failures([]byte(strings.Repeat("panic: x\n", 2*maxWhy)))); n != maxWhy {
		t.Errorf("%d lines, want %d", n, maxWhy)
	}
}
