package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"linuxkvm/internal/rig"
	"linuxkvm/internal/rig/suite"
)

func TestEscape(t *testing.T) {
	for in, want := range map[string]int{
		"": 0, "a\x1d\x1db\x1d": 0, "\x1d\x1d\x1d": 1, "a\x1d\x1d\x1d\x1db": 1, "\x1d\x1d\x1d.\x1d\x1d\x1d": 2,
	} {
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader,
		} {
			calls := 0
			e := &escapeReader{r: wrap(strings.NewReader(in)), escape: func() { calls++ }}
			got, err := io.ReadAll(e)
			if string(got) != in || err != nil || calls != want {
				t.Errorf("%s, %q: read %q, %v, %d calls, want %d", name, in, got, err, calls, want)
			}
		}
	}
}

func TestProgramStatus(t *testing.T) {
	for _, c := range []struct {
		result rig.Result
		want   int
	}{
		{rig.Result{}, 0},
		{rig.Result{ExitCode: 3}, 3},
		{rig.Result{ExitCode: -1, Signal: 9}, 137},
		{rig.Result{ExitCode: -1}, 125},
		{rig.Result{ExitCode: 2, TimedOut: true}, 124},
	} {
		if got := exitStatus(programStatus(&c.result)); got != c.want {
			t.Errorf("%+v: %d, want %d", c.result, got, c.want)
		}
	}
}

func TestExitStatus(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0}, {suite.ErrFailed, 1}, {errors.New("x"), 1}, {&rig.Failure{Reason: rig.Hang}, 1}, {status(7), 7},
	} {
		if got := exitStatus(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
	if got := exitStatus(rigError(errors.New("x"))); got != 125 {
		t.Errorf("rigError: %d", got)
	}
}

func TestSaveFiles(t *testing.T) {
	dir := t.TempDir()
	r := &rig.Result{Files: map[string][]byte{
		"/out/a": []byte("A"), "/out/sub/b": []byte("B"), "/one": []byte("1"), "/outside": []byte("no"),
	}}
	if err := saveFiles(r, []string{"/out:" + dir + "/x", "/one:" + dir + "/y"}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"x/a": "A", "x/sub/b": "B", "y/one": "1"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); string(b) != want || err != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	for _, name := range []string{"x/outside", "y/outside"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func TestSelectLanes(t *testing.T) {
	for list, want := range map[string]int{
		"": len(rig.DefaultLanes()), "all": len(rig.Lanes()), "amd64-6.1": 1, "amd64-newest,amd64-6.1": 2,
	} {
		if lanes, err := selectLanes(list); len(lanes) != want || err != nil {
			t.Errorf("%q: %d lanes, %v", list, len(lanes), err)
		}
	}
	if _, err := selectLanes("amd64-6.1,"); err == nil {
		t.Error("an empty name: no error")
	}
}

func TestSplitArgs(t *testing.T) {
	ours, theirs := splitArgs([]string{"-v", "./a", "--", "-test.x", "--"})
	if !slices.Equal(ours, []string{"-v", "./a"}) || !slices.Equal(theirs, []string{"-test.x", "--"}) {
		t.Errorf("%q, %q", ours, theirs)
	}
}

// TestUsage: a mistake on the command line is status 2 and starts nothing.
func TestUsage(t *testing.T) {
	ctx := context.Background()
	for name, err := range map[string]error{
		"test without packages": testCommand(ctx, nil),
		"test, unknown flag":    testCommand(ctx, []string{"-nonesuch", "./x"}),
		"run without program":   runCommand(ctx, nil),
		"fetch, unknown flag":   fetchCommand(ctx, []string{"-nonesuch"}),
	} {
		if got := exitStatus(err); got != statusUsage {
			t.Errorf("%s: %d (%v)", name, got, err)
		}
	}
	if got := exitStatus(runCommand(ctx, []string{"-lane", "nonesuch", "--", "x"})); got != statusRig {
		t.Errorf("run, unknown lane: %d", got)
	}
	if got := exitStatus(testCommand(ctx, []string{"-lane", "nonesuch", "./x"})); got != statusFailed {
		t.Errorf("test, unknown lane: %d", got)
	}
}

func TestGuestFiles(t *testing.T) {
	m := machineFlags{files: listFlag{"rig_test.go", "main.go:/etc/main"}}
	files, err := m.guestFiles()
	if err != nil || len(files) != 2 || files[0].Guest != "/rig_test.go" || files[1].Guest != "/etc/main" {
		t.Errorf("%+v, %v", files, err)
	}
	m.files = listFlag{"nonesuch:/x"}
	if _, err := m.guestFiles(); err == nil {
		t.Error("a file that does not exist: no error")
	}
}
