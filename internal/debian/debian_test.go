package debian

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestPickMirror(t *testing.T) {
	third := "Types: deb\nURIs: https://third.example/debian\nSuites: nodistro\nComponents: main\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"stanza": {map[string]string{"sources.list.d/debian.sources": "# comment\nTypes: deb deb-src\n# comment\nURIs: http://m.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"}, "http://m.example/debian"},
		"line":   {map[string]string{"sources.list": "# deb http://no.example/debian sid main\ndeb [arch=amd64 signed-by=/k/debian-archive-keyring.gpg] http://m.example/pub sid main contrib # x\n"}, "http://m.example/pub"},
		"not a third party": {map[string]string{
			"sources.list.d/a.sources": third,
			"sources.list.d/b.list":    "deb https://third.example bookworm main\n",
			"sources.list.d/c.sources": "Types: deb\nURIs: http://m.example/debian-security\nSuites: bookworm\nComponents: main\nSigned-By: /k/debian-archive-keyring.gpg\n\nTypes: deb\nURIs: http://m.example/debian/\nSuites: trixie\nComponents: main\n",
		}, "http://m.example/debian/"},
		"disabled": {map[string]string{"sources.list.d/debian.sources": "Enabled: no\nTypes: deb\nURIs: http://m.example/debian\nSuites: sid\nComponents: main\n"}, ""},
		"none":     {map[string]string{"sources.list.d/other.sources": third}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := fstest.MapFS{}
			for path, text := range c.files {
				dir[path] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := pickMirror(readSources(dir)); got != c.want {
				t.Errorf("mirror %q, want %q", got, c.want)
			}
		})
	}
}

func TestExactDependencies(t *testing.T) {
	got := exactDependencies("kmod, dracut | initramfs-tools (= 3), linux-base (>= 4.3~), linux-modules-7:any (= 7.2.13-1), linux-image-7 (= 7.2.13-1)")
	want := []exact{{"linux-modules-7", "7.2.13-1"}, {"linux-image-7", "7.2.13-1"}}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRequestRefused(t *testing.T) {
	for _, req := range []Request{
		{Suite: "sid", Arch: "amd64"},
		{Suite: "sid main", Arch: "amd64", Packages: []string{"hello"}},
		{Suite: "sid", Arch: "-oX=1", Packages: []string{"hello"}},
		{Suite: "sid", Arch: "amd64", Packages: []string{"../hello"}},
	} {
		if _, err := Fetch(t.Context(), req, t.TempDir(), nil); err == nil {
			t.Errorf("%+v was not refused", req)
		}
	}
}

// TestWarmCache plants an answer: Fetch must return it without any apt, and must
// notice a file that has changed.
func TestWarmCache(t *testing.T) {
	t.Setenv("PATH", "") // no apt
	c := cache{dir: t.TempDir()}
	req := Request{Suite: "sid", Arch: "amd64", Packages: []string{"hello"}}
	if err := os.MkdirAll(c.debs(), 0o755); err != nil {
		t.Fatal(err)
	}
	deb := filepath.Join(c.debs(), "hello_1_amd64.deb")
	if err := os.WriteFile(deb, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if _, err := c.remember(req, []file{{Package: "hello", Version: "1", Name: "hello_1_amd64.deb", SHA256: empty}}); err != nil {
		t.Fatal(err)
	}
	for _, age := range []time.Duration{0, time.Hour, -1} { // -1: asks, fails, falls back
		req.MaxAge = age
		paths, err := Fetch(t.Context(), req, c.dir, nil)
		if err != nil || len(paths) != 1 || paths[0] != deb {
			t.Fatalf("MaxAge %v: %v, %v", age, paths, err)
		}
	}
	if err := os.WriteFile(deb, []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if paths, err := Fetch(t.Context(), req, c.dir, nil); err == nil {
		t.Errorf("a changed package was handed out: %v", paths)
	}
}

func TestLockEndsWithContext(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, dir); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second lock: %v", err)
	}
	unlock()
	unlock, err = lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

// TestFetch fetches a small package of a foreign architecture and then again
// without a network.
func TestFetch(t *testing.T) {
	if testing.Short() {
		t.Skip("downloads package lists: run without -short")
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		skip(t, "apt-get is missing: run on Debian")
	}
	dir := t.TempDir()
	req := Request{Suite: "bookworm", Arch: "riscv64", Packages: []string{"no-such-package-at-all"}}
	_, err := Fetch(t.Context(), req, dir, testWriter{t})
	var missing *NotFoundError
	if err != nil && !errors.As(err, &missing) {
		skip(t, "the mirror cannot be reached: "+err.Error())
	}
	req = Request{Suite: "bookworm", Arch: "arm64", Packages: []string{"linux-libc-dev"}}
	paths, err := Fetch(t.Context(), req, dir, testWriter{t})
	if err != nil {
		t.Fatal(err)
	}
	info, err := Inspect(paths[0])
	if err != nil || info.Package != "linux-libc-dev" || info.Arch != "arm64" || info.Version == "" {
		t.Fatalf("got %+v, %v", info, err)
	}
	out := filepath.Join(dir, "out")
	if err := Extract(paths[0], out); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(out, "usr/include/linux/kvm.h")); err != nil {
		t.Error(err)
	}
	req.Packages = []string{"linux-libc-dev=1.2.3-4"}
	if _, err = Fetch(t.Context(), req, dir, nil); !errors.As(err, &missing) || missing.Have != info.Version {
		t.Errorf("an old version: %v", err)
	}
}

func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("KVM_TEST_REQUIRE") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}
