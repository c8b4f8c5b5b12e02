package rig

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// need skips a test that boots where that cannot be. With KVM_TEST_REQUIRE=1
// that is a failure, except in a lane: there is no rig within the rig.
func need(t *testing.T) {
	t.Helper()
	skip := t.Skip
	if os.Getenv("KVM_TEST_REQUIRE") == "1" {
		skip = t.Fatal
	}
	if lane := os.Getenv("KVM_TEST_LANE"); lane != "" {
		t.Skipf("this is lane %s; the rig runs outside of it", lane)
	}
	if testing.Short() {
		t.Skip("it boots a machine: run without -short")
	}
	for program, pkg := range map[string]string{"apt-get": "apt", "go": "golang-go"} {
		if _, err := exec.LookPath(program); err != nil {
			skip(program + " is missing: it comes with Debian's package " + pkg)
		}
	}
}

// victimFile is the program that the tests run in the guest.
func victimFile(t *testing.T, l Lane) File {
	t.Helper()
	out := filepath.Join(t.TempDir(), "victim")
	if err := GoBuild(t.Context(), l.GOARCH, "./testdata/victim", out); err != nil {
		t.Fatal(err)
	}
	return File{Guest: "/bin/victim", Host: out}
}

func lane(t *testing.T, name string) Lane {
	t.Helper()
	l, err := LaneByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// progress shows what a test waits for when it is run with -v.
type progress struct{ t *testing.T }

func (p progress) Write(b []byte) (int, error) {
	p.t.Log(string(b))
	return len(b), nil
}
