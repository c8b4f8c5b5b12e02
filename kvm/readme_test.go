package kvm_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// The program in the README is the one that runs as a test here.
func TestReadmeShowsTheExample(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("KVM_TEST_LANE") != "" {
		t.Log("the rig has no source tree: checked where there is one")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_linux_amd64_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(source), "func Example_minimal() {\n")
	body, _, found := strings.Cut(body, "\t// Output:")
	if !found {
		t.Fatal("Example_minimal is gone")
	}
	for line := range strings.Lines(body) {
		if !strings.Contains(string(readme), strings.TrimPrefix(line, "\t")) {
			t.Errorf("the README lacks the line %q", line)
		}
	}
}
