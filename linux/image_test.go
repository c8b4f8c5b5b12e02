package linux

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"linuxkvm/image"
)

// makeImage writes a container image, of which this program is the only one, as
// /bin/tool.
func makeImage(t *testing.T) string {
	t.Helper()
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, content := range map[string][]byte{"bin/tool": program, "etc/greeting": []byte("hello")} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", runtime.GOARCH
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := path.AppendImage(img); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The root is a container image, which the guest can write over, and a second disk
// keeps what is written.
func TestImageRoot(t *testing.T) {
	kernels := testKernels(t)
	img, err := image.Open(makeImage(t))
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
	vm := startGuest(t, Config{Kernel: kernels[0], Memory: 256 << 20, CPUs: 2, Root: root, Disks: []Disk{{Path: data}}})
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
