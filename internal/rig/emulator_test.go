package rig

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEmulator runs the lane's emulator, as it is here and below another root.
func TestEmulator(t *testing.T) {
	need(t)
	l := lane(t, "amd64-6.1")
	e, err := l.Emulator(t.Context(), FetchOptions{Progress: progress{t}})
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	files, err := e.Files(t.Context(), other, "bios-256k.bin")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.Guest), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(f.Host, f.Guest); err != nil {
			t.Fatal(err)
		}
	}
	upstream := strings.TrimPrefix(e.Version, "1:")
	upstream, _, _ = strings.Cut(upstream, "+")
	for _, root := range []string{e.Root, other} {
		command := e.Command(root, "--version")
		out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "version "+upstream) {
			t.Errorf("%q: %v, want version %s\n%s", command, err, upstream, out)
		}
	}
	if _, err := e.Files(t.Context(), other, "nonesuch.bin"); err == nil {
		t.Error("firmware that there is not is found")
	}
}

// TestEmulatorDamaged: a file that changed in the cache is noticed.
func TestEmulatorDamaged(t *testing.T) {
	dir := t.TempDir()
	if _, err := openEmulator(dir, "qemu"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory: %v", err)
	}
	for _, name := range []string{"usr/bin/qemu", "usr/lib64/ld-linux.so", "usr/lib/some-linux-gnu/libc.so.6"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(name), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeManifest(dir, "1", nil); err != nil {
		t.Fatal(err)
	}
	e, err := openEmulator(dir, "qemu")
	if err != nil {
		t.Fatal(err)
	}
	const want = "/r/usr/lib64/ld-linux.so --library-path /r/usr/lib/some-linux-gnu /r/usr/bin/qemu -L /r/usr/share/qemu -L /r/usr/share/seabios -x"
	if got := strings.Join(e.Command("/r", "-x"), " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := openEmulator(dir, "other"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a program that is not there: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "usr/bin/qemu"), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openEmulator(dir, "qemu"); !errors.Is(err, errDamaged) {
		t.Errorf("a changed file: %v", err)
	}
}
