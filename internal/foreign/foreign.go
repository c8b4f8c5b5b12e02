// Package foreign runs an architecture's own Go code on another architecture, in
// tests: what a package does on arm64, short of asking KVM, is arithmetic, and the
// machine that tests it need not be one.
package foreign

import (
	"encoding/json"
	"go/build"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Archs are the architectures of package uapi.
var Archs = []string{"amd64", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x"}

// Test runs those of the tests of the package in the working directory whose names
// match run, with the files that these packages, directories relative to the
// working directory, have for goarch in place of this machine's. At least one test
// has to run.
func Test(t *testing.T, goarch, run string, dirs ...string) {
	t.Helper()
	if os.Getenv("KVM_TEST_LANE") != "" {
		t.Skip("needs the go command and the source, which the rig has not: run it in the source tree")
	}
	replace := map[string]string{}
	for _, dir := range dirs {
		maps.Copy(replace, swap(t, dir, goarch))
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "test", "-v", "-count=1", "-vet=off", "-overlay", overlay, "-run", run, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\n--- PASS") {
		t.Errorf("the tests %s of %s do not pass here: %v\n%s", run, goarch, err, out)
	}
}

// swap says what to read in place of the files of a directory.
func swap(t *testing.T, dir, goarch string) map[string]string {
	t.Helper()
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := files(t, dir, build.Default.GOARCH), files(t, dir, goarch)
	replace := map[string]string{}
	for _, name := range ours {
		if !slices.Contains(theirs, name) {
			replace[filepath.Join(dir, name)] = ""
		}
	}
	copies := t.TempDir()
	for _, name := range theirs {
		if slices.Contains(ours, name) {
			continue
		}
		to := "foreign_" + strings.ReplaceAll(name, "_linux_"+goarch, "_native")
		unconstrained(t, filepath.Join(dir, name), filepath.Join(copies, to))
		replace[filepath.Join(dir, to)] = filepath.Join(copies, to)
	}
	return replace
}

// files are the Go files that a directory has for an architecture.
func files(t *testing.T, dir, goarch string) []string {
	t.Helper()
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = "linux", goarch, false
	p, err := ctx.ImportDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles)
}

var constraint = regexp.MustCompile(`(?m)^//go:build .*$`)

// unconstrained copies a file that any architecture may build then.
func unconstrained(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, constraint.ReplaceAll(text, nil), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
