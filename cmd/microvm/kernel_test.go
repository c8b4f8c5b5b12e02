package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linuxkvm/internal/deb/debtest"
	"linuxkvm/internal/tinykernel"
)

// debFile writes a package for the test.
func debFile(t *testing.T, name string, files map[string][]byte) string {
	t.Helper()
	b, err := debtest.Make(".xz", files)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, name, b)
}

// A kernel from a package boots.
func TestKernelPackage(t *testing.T) {
	needKVM(t)
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	deb := debFile(t, "tiny.deb", map[string][]byte{"boot/vmlinuz-tiny": tinykernel.Image(), "lib/modules/tiny/modules.builtin": nil})
	cmd := command(t, "run", "--kernel", deb, "--memory", "8M")
	cmd.Stdin = strings.NewReader(tinykernel.PowerOff)
	got := finish(t, cmd)
	if got.status != 0 || got.stdout != tinykernel.Greeting || withoutWarning(got.stderr) != "" {
		t.Errorf("%+v", got)
	}
	if images, err := filepath.Glob(filepath.Join(cache, "linuxkvm", "kernels", "*", "vmlinuz-tiny")); err != nil || len(images) != 1 {
		t.Errorf("unpacked %q, %v", images, err)
	}
}

func TestKernelPackageErrors(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	image := debFile(t, "image.deb", map[string][]byte{"boot/vmlinuz-1": []byte("image")})
	modules := debFile(t, "modules.deb", map[string][]byte{"usr/lib/modules/2/a.ko": nil})
	plain := file(t, "vmlinuz", []byte("no package"))
	for _, c := range []struct {
		args []string
		want status
		say  []string
	}{
		{[]string{"--kernel", image, "--image", "i"}, statusNotRun, []string{"--kernel " + image, "no modules in it", "--modules"}},
		{[]string{"--kernel", modules}, statusFailed, []string{"--kernel " + modules, "no kernel image in it"}},
		{[]string{"--kernel", image, "--modules", modules, "--image", "i"}, statusNotRun, []string{image, modules, "the kernel is 1", "those of 2"}},
		{[]string{"--kernel", plain, "--modules", modules}, statusFailed, []string{"--modules " + modules, "--kernel is none"}},
		{[]string{"--kernel", file(t, "cut.deb", []byte("!<arch>\n"))}, statusFailed, []string{"cut.deb", "without data.tar"}},
	} {
		check(t, finish(t, command(t, append([]string{"run"}, c.args...)...)), c.want, "", c.say...)
	}
}

// The modules of a directory go with the image of a package.
func TestKernelPackageWithDirectory(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	f := runFlags{kernel: debFile(t, "image.deb", map[string][]byte{"boot/vmlinuz-1": []byte("image")}), modules: dir}
	if err := f.unpackKernel(os.Stderr); err != nil {
		t.Fatal(err)
	}
	k, err := f.guestKernel()
	if err != nil || filepath.Base(k.Image) != "vmlinuz-1" || k.Modules != dir {
		t.Errorf("%+v, %v", k, err)
	}
}
