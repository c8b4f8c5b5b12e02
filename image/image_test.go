package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// layer makes a layer of files with their contents; a name that ends with a slash is
// a directory.
func layer(t *testing.T, files ...string) v1.Layer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		h := &tar.Header{Name: files[i], Mode: 0o755, Size: int64(len(files[i+1])), Typeflag: tar.TypeReg}
		if strings.HasSuffix(h.Name, "/") {
			h.Typeflag = tar.TypeDir
		}
		must(t, w.WriteHeader(h))
		_, err := io.WriteString(w, files[i+1])
		must(t, err)
	}
	must(t, w.Close())
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	must(t, err)
	return l
}

// testImage has two layers, of which the second takes a file of the first away.
func testImage(t *testing.T) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image,
		layer(t, "etc/", "", "etc/greeting", "hello", "etc/gone", "x"), layer(t, "etc/.wh.gone", ""))
	must(t, err)
	file, err := img.ConfigFile()
	must(t, err)
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", platform.Architecture
	file.Config = v1.Config{Env: []string{"A=b"}, Cmd: []string{"/bin/x", "y"}, WorkingDir: "/etc", User: "1000:1000"}
	img, err = mutate.ConfigFile(img, file)
	must(t, err)
	return img
}

// checkImage makes the disk and looks into it with e2fsprogs' own tools.
func checkImage(t *testing.T, i *Image) {
	t.Helper()
	defer func() { must(t, i.Close()) }()
	if c := i.Config(); c.Env[0] != "A=b" || c.Cmd[1] != "y" || c.WorkingDir != "/etc" || c.User != "1000:1000" {
		t.Errorf("%+v", c)
	}
	told := int64(0)
	cache := Cache{Dir: t.TempDir(), Progress: func(n int64) { told = n }}
	path, err := cache.Disk(t.Context(), i)
	must(t, err)
	if told == 0 || i.Size() == 0 {
		t.Errorf("%d bytes were told of, size %d", told, i.Size())
	}
	again, err := cache.Disk(t.Context(), i)
	if err != nil || again != path {
		t.Errorf("the second time: %s, %v", again, err)
	}
	debugfs, err := exec.LookPath("debugfs")
	if err != nil {
		t.Skip("needs debugfs of Debian's package e2fsprogs")
	}
	if out, err := exec.Command(debugfs, "-R", "cat /etc/greeting", path).Output(); err != nil || string(out) != "hello" {
		t.Errorf("/etc/greeting: %q, %v", out, err)
	}
	if out, err := exec.Command(debugfs, "-R", "ls /etc", path).Output(); err != nil || strings.Contains(string(out), "gone") {
		t.Errorf("/etc: %q, %v", out, err)
	}
}

// A real registry's protocol, served in this process.
func TestPull(t *testing.T) {
	server := httptest.NewServer(registry.New())
	defer server.Close()
	reference := strings.TrimPrefix(server.URL, "http://") + "/some/thing:1"
	ref, err := name.ParseReference(reference)
	must(t, err)
	must(t, remote.Write(ref, testImage(t)))
	i, err := Pull(t.Context(), reference)
	must(t, err)
	checkImage(t, i)
	if _, err := Pull(t.Context(), reference+"-none"); err == nil || !strings.Contains(err.Error(), "thing:1-none") {
		t.Errorf("an image that is not there: %v", err)
	}
	if _, err := Pull(t.Context(), "UPPER CASE"); err == nil {
		t.Error("a bad reference is taken")
	}
}

func TestOpenDockerArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "image.tar")
	tag, err := name.NewTag("thing:1")
	must(t, err)
	must(t, tarball.WriteToFile(path, tag, testImage(t)))
	i, err := Open(path)
	must(t, err)
	checkImage(t, i)
}

func TestOpenLayout(t *testing.T) {
	dir := t.TempDir()
	p, err := layout.Write(dir, empty.Index)
	must(t, err)
	must(t, p.AppendImage(testImage(t)))
	i, err := Open(dir)
	must(t, err)
	checkImage(t, i)
	archive := filepath.Join(t.TempDir(), "oci.tar")
	if out, err := exec.Command("tar", "-C", dir, "-cf", archive, ".").CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	i, err = Open(archive)
	must(t, err)
	checkImage(t, i)
}

// What is no image is refused in words.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"empty": "", "text": "this is no archive, and long enough to be one " + strings.Repeat("x", 1024)} {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(content), 0o600))
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(dir); err == nil {
		t.Error("a directory without a layout is taken")
	}
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// An image of another architecture is refused.
func TestOtherArchitecture(t *testing.T) {
	img := testImage(t)
	file, err := img.ConfigFile()
	must(t, err)
	file = file.DeepCopy()
	file.Architecture = "s390x"
	img, err = mutate.ConfigFile(img, file)
	must(t, err)
	if _, err := newImage("x", img, func() error { return nil }); err == nil || !strings.Contains(err.Error(), "s390x") {
		t.Error(err)
	}
}

// A disk that was not finished leaves nothing behind.
func TestCanceled(t *testing.T) {
	i, err := newImage("x", testImage(t), func() error { return nil })
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if _, err := (&Cache{Dir: dir}).Disk(ctx, i); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.ext4"))
	must(t, err)
	if begun, err := filepath.Glob(filepath.Join(dir, ".new*")); err != nil || len(left)+len(begun) > 0 {
		t.Errorf("left: %v %v", left, begun)
	}
}
