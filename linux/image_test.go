package linux

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"linuxkvm/image"
	"linuxkvm/internal/testimage"
)

// The root is a container image, which the guest can write over, and a second disk
// keeps what is written.
func TestImageRoot(t *testing.T) {
	kernel := oneKernel(t)
	img, err := image.Open(testimage.Layout(t, map[string][]byte{"bin/tool": testimage.Self(t), "etc/greeting": []byte("hello")}, v1.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	root, err := ImageRoot(t.Context(), &image.Cache{Dir: t.TempDir()}, img)
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(data, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	vm := startGuest(t, Config{Kernel: kernel, Memory: 256 << 20, CPUs: 2, Root: root, Disks: []Disk{{Path: data}}})
	tool := func(args ...string) string {
		t.Helper()
		out, err := vm.Command(t.Context(), "tool", append([]string{guestArg}, args...)...).CombinedOutput()
		if err != nil {
			t.Errorf("tool %v: %v: %s", args, err, out)
		}
		return string(out)
	}
	if got := tool("read", "/etc/greeting"); got != "hello" {
		t.Errorf("/etc/greeting: %q", got)
	}
	tool("write", "/etc/greeting", "written over")
	if got := tool("read", "/etc/greeting"); got != "written over" {
		t.Errorf("/etc/greeting afterwards: %q", got)
	}
	tool("write", "/dev/vdb", "on the disk")
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	if err := vm.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(data)
	if err != nil || !bytes.HasPrefix(b, []byte("on the disk")) {
		t.Errorf("the file has %.20q, %v", b, err)
	}
}
