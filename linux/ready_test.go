package linux

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"linuxkvm/internal/tinykernel"
)

// Ready is called when all is open and nothing has run, and its error ends the start.
func TestReadyComesBeforeTheGuest(t *testing.T) {
	if f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err == nil {
		_ = f.Close()
	} else if os.Getenv("KVM_TEST_REQUIRE") != "" {
		t.Fatalf("KVM_TEST_REQUIRE is set: %v", err)
	} else {
		t.Skipf("%v: make test-lanes runs this in the rig", err)
	}
	kernel := filepath.Join(t.TempDir(), "tiny")
	if err := os.WriteFile(kernel, tinykernel.Image(), 0o600); err != nil {
		t.Fatal(err)
	}
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(disk, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("not today")
	var console bytes.Buffer
	_, err := Start(t.Context(), Config{
		Kernel: Kernel{Image: kernel}, Memory: 128 << 20, Console: &console,
		Disks: []Disk{{Path: disk}},
		Ready: func() error {
			if !isOpen(t, disk) {
				t.Error("the disk is not open yet")
			}
			return refused
		},
	})
	if !errors.Is(err, refused) {
		t.Fatalf("the error is %v, want %v", err, refused)
	}
	if console.Len() > 0 {
		t.Errorf("the guest has run: %q", console.String())
	}
	if isOpen(t, disk) {
		t.Error("the disk is still open")
	}
}

// isOpen says whether this process has the file open.
func isOpen(t *testing.T, path string) bool {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == path {
			return true
		}
	}
	return false
}
