package linux

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linuxkvm/internal/deb/debtest"
)

// pack writes a package to a file.
func pack(t *testing.T, name, ext string, files map[string][]byte) string {
	t.Helper()
	b, err := debtest.Make(ext, files)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The packages of three generations of Debian: all in one; the image among the modules;
// the image and the modules in packages of their own.
func TestPackageCache(t *testing.T) {
	const release = "6.1.0-1-cloud"
	list := []byte("kernel/built.ko\n")
	for name, packages := range map[string][]string{
		"one": {pack(t, "one.deb", ".xz", map[string][]byte{
			"boot/vmlinuz-" + release: []byte("image"), "boot/config-" + release: []byte("config"),
			"lib/modules/" + release + "/kernel/a.ko": []byte("module"), "lib/modules/" + release + "/modules.builtin": list,
			"etc/passwd": []byte("not ours"),
		})},
		"usr": {pack(t, "usr.deb", ".zst", map[string][]byte{
			"usr/lib/modules/" + release + "/vmlinuz": []byte("image"), "usr/lib/modules/" + release + "/kernel/a.ko": []byte("module"),
			"usr/lib/modules/" + release + "/modules.builtin": list,
		})},
		"two": {
			pack(t, "image.deb", ".gz", map[string][]byte{"usr/lib/modules/" + release + "/vmlinuz": []byte("image")}),
			pack(t, "modules.deb", "", map[string][]byte{"usr/lib/modules/" + release + "/kernel/a.ko": []byte("module")}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			unpacked := int64(0)
			c := PackageCache{Dir: t.TempDir(), Progress: func(n int64) { unpacked = n }}
			k, err := c.Kernel(t.Context(), packages...)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{k.Image: "image", filepath.Join(k.Modules, "kernel/a.ko"): "module", filepath.Join(k.Modules, "modules.builtin"): string(list)}
			if name == "two" {
				want[filepath.Join(k.Modules, "modules.builtin")] = ""
			}
			for path, content := range want {
				if b, err := os.ReadFile(path); err != nil || string(b) != content {
					t.Errorf("%s: %q, %v; want %q", path, b, err, content)
				}
			}
			if got := imageRelease(k.Image); got != release || unpacked == 0 {
				t.Errorf("release %q, %d bytes unpacked", got, unpacked)
			}
			unpacked = 0
			if again, err := c.Kernel(t.Context(), packages...); err != nil || again != k || unpacked != 0 {
				t.Errorf("again: %+v, %v, %d bytes unpacked", again, err, unpacked)
			}
		})
	}
}

func TestPackageErrors(t *testing.T) {
	const a, b = "lib/modules/1/a.ko", "lib/modules/2/a.ko"
	for want, files := range map[string]map[string][]byte{
		"no kernel image in it":   {a: nil},
		"modules of two kernels":  {"boot/vmlinuz-1": nil, a: nil, b: nil},
		"the modules are those o": {"boot/vmlinuz-1": nil, b: nil},
	} {
		c := PackageCache{Dir: t.TempDir()}
		path := pack(t, "name.deb", ".gz", files)
		_, err := c.Kernel(t.Context(), path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v; want %q", err, want)
		}
		if left, err := filepath.Glob(filepath.Join(c.Dir, "*")); err != nil || len(left) != 1 {
			t.Errorf("left %q, %v; want the lock", left, err)
		}
	}
	for name, content := range map[string]string{"odd.deb": "PK", "short.deb": "!<arch>\n"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		c := PackageCache{Dir: t.TempDir()}
		if _, err := c.Kernel(t.Context(), path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%v", err)
		}
	}
}

// Names that lead elsewhere, and what is no file, are left.
func TestPackageNames(t *testing.T) {
	c := PackageCache{Dir: t.TempDir()}
	k, err := c.Kernel(t.Context(), pack(t, "name.deb", "", map[string][]byte{
		"boot/vmlinuz-1": []byte("image"), "../../lib/modules/1/a.ko": []byte("module"), "lib/modules/1/../../../b.ko": nil,
	}))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	err = filepath.WalkDir(c.Dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasSuffix(path, ".lock") {
			names = append(names, strings.TrimPrefix(path, filepath.Dir(k.Image)+"/"))
		}
		return err
	})
	if got := strings.Join(names, " "); err != nil || got != "modules/a.ko modules/modules.builtin vmlinuz-1" {
		t.Errorf("%q, %v", got, err)
	}
}

// A guest runs on a kernel from a package.
func TestPackageBoots(t *testing.T) {
	k := oneKernel(t)
	image, err := os.ReadFile(k.Image)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"boot/vmlinuz-test": image}
	modules, err := os.ReadDir(k.Modules)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modules {
		if files["lib/modules/test/"+m.Name()], err = os.ReadFile(filepath.Join(k.Modules, m.Name())); err != nil {
			t.Fatal(err)
		}
	}
	c := PackageCache{Dir: t.TempDir()}
	unpacked, err := c.Kernel(t.Context(), pack(t, "kernel.deb", "", files))
	if err != nil {
		t.Fatal(err)
	}
	vm := startGuest(t, Config{Kernel: unpacked, Memory: 256 << 20})
	out, err := vm.Command(t.Context(), "/init", guestArg, "uname").Output()
	if err != nil || strings.TrimSpace(string(out)) != vm.Release() {
		t.Errorf("%q, %v", out, err)
	}
}
