package kvm

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every ioctl of this architecture is one that the package issues.
func TestEveryIoctlIsUsed(t *testing.T) {
	if os.Getenv("KVM_TEST_LANE") != "" {
		t.Skip("needs the package's source, which the rig has not: run it in the source tree")
	}
	numbers, err := os.ReadFile("../uapi/zioctl_linux_amd64.go")
	must(t, err)
	var source strings.Builder
	files, err := filepath.Glob("*.go")
	must(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		must(t, err)
		source.Write(text)
	}
	names := regexp.MustCompile(`(?m)^\t(Ioctl\w+) +\w+Ioctl = `).FindAllSubmatch(numbers, -1)
	if len(names) < 120 {
		t.Fatalf("only %d ioctls found", len(names))
	}
	for _, m := range names {
		name := string(m[1])
		if !regexp.MustCompile(`uapi\.` + name + `\b`).MatchString(source.String()) {
			t.Errorf("no method uses uapi.%s", name)
		}
	}
}
