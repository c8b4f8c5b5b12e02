package linux

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A kernel whose file says what it is gets its modules, wherever it is installed.
func TestOpenKernel(t *testing.T) {
	root := t.TempDir()
	image := filepath.Join(root, "boot", "vmlinuz-1.2.3-test")
	modules := filepath.Join(root, "lib", "modules", "1.2.3-test")
	for _, dir := range []string{filepath.Dir(image), modules} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(image, []byte("kernel"), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := OpenKernel(image)
	if err != nil || k != (Kernel{image, modules}) {
		t.Errorf("%+v, %v", k, err)
	}
	header := make([]byte, 0x300)
	copy(header[0x202:], "HdrS")
	header[0x20e] = 0x80
	copy(header[0x280:], "1.2.3-test (somebody) #1\x00")
	plain := filepath.Join(root, "boot", "kernel")
	if err := os.WriteFile(plain, header, 0o600); err != nil {
		t.Fatal(err)
	}
	if k, err := OpenKernel(plain); err != nil || k != (Kernel{plain, modules}) {
		t.Errorf("by its header: %+v, %v", k, err)
	}
	if _, err := OpenKernel(filepath.Join(root, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
