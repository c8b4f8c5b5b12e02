package x86

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linuxkvm/boot"
	"linuxkvm/boot/payload"
)

// kernelVar names a file with a real kernel for the test below.
const kernelVar = "LINUXKVM_TEST_KERNEL"

// realKernels are bzImages of a distribution: the one that kernelVar names, else
// those that the test rig has fetched before.
func realKernels(t *testing.T) []string {
	t.Helper()
	if path := os.Getenv(kernelVar); path != "" {
		return []string{path}
	}
	var found []string
	if cache, err := os.UserCacheDir(); err == nil {
		found, _ = filepath.Glob(filepath.Join(cache, "linuxkvm", "lanes", "amd64-*", "vmlinuz"))
	}
	if len(found) > 0 {
		return found
	}
	const remedy = "no real kernel: set " + kernelVar + " to a bzImage of Debian (vmlinuz), or run the test rig once, which fetches some"
	if os.Getenv("KVM_TEST_REQUIRE") == "1" {
		t.Fatal(remedy)
	}
	t.Skip(remedy)
	return nil
}

// TestRealKernels loads kernels that nobody here made.
func TestRealKernels(t *testing.T) {
	for _, path := range realKernels(t) {
		f, err := boot.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		for _, p := range []Protocol{ProtocolAuto, ProtocolPVH, ProtocolLinux64} {
			t.Run(filepath.Base(filepath.Dir(path))+"/"+p.String(), func(t *testing.T) { loadReal(t, f, p) })
		}
	}
}

func loadReal(t *testing.T, kernel boot.Image, p Protocol) {
	const mib = 256
	c := config(t, nil)
	c.Kernel, c.Layout, c.Protocol, c.ZeroedRAM = kernel, layout(t, mib), p, true
	m := newRAM(c.Layout)
	l, err := Load(m, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %v, extracted from %v, kernel %#x, entry %#x", l.Version, l.Protocol, l.Extracted, l.Kernel, l.Entry.RIP)
	release, _, _ := strings.Cut(l.Version, " ")
	if release == "" || release[0] < '2' || release[0] > '9' || !strings.Contains(release, ".") {
		t.Errorf("version %q", l.Version)
	}
	checkLoaded(t, c.Layout, l)
	if p != ProtocolAuto && l.Protocol != p {
		t.Errorf("took %v", l.Protocol)
	}
	if l.Protocol == ProtocolLinux64 {
		return
	}
	if l.Extracted == payload.Unknown {
		t.Error("no payload format")
	}
	if !m.holds(release) {
		t.Errorf("%q is nowhere in what was extracted", release)
	}
}

// holds looks for a string that does not cross a page.
func (r *ram) holds(s string) bool {
	for _, p := range r.pages {
		if strings.Contains(string(p[:]), s) {
			return true
		}
	}
	return false
}
