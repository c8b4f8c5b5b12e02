package rig

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// fakeModule is an ELF file with nothing but a .modinfo section.
func fakeModule(t *testing.T, info ...string) []byte {
	t.Helper()
	modinfo := strings.Join(info, "\x00") + "\x00"
	const names = "\x00.modinfo\x00.shstrtab\x00"
	type section struct {
		Name, Type             uint32
		Flags, Addr, Off, Size uint64
		Link, Info             uint32
		Align, EntSize         uint64
	}
	at := uint64(64)
	var b bytes.Buffer
	b.WriteString("\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9))
	for _, v := range []any{
		uint16(1), uint16(62), uint32(1), uint64(0), uint64(0),
		at + uint64(len(modinfo)+len(names)), uint32(0),
		uint16(64), uint16(0), uint16(0), uint16(64), uint16(3), uint16(2),
	} {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	b.WriteString(modinfo + names)
	for _, s := range []section{
		{},
		{Name: 1, Type: 1, Off: at, Size: uint64(len(modinfo)), Align: 1},
		{Name: 10, Type: 3, Off: at + uint64(len(modinfo)), Size: uint64(len(names)), Align: 1},
	} {
		if err := binary.Write(&b, binary.LittleEndian, s); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func packed(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := xz.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// fakeKernel fills a directory as install does, from a tree like a package's.
func fakeKernel(t *testing.T, l Lane) (cache string) {
	t.Helper()
	cache = t.TempDir()
	t.Setenv(CacheEnv, cache)
	unpacked, tree := filepath.Join(cache, "unpacked"), l.dir(cache)
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	modules := "usr/lib/modules/9.8.7-test/"
	for name, data := range map[string][]byte{
		"boot/vmlinuz-9.8.7-test":               []byte("image"),
		"boot/System.map-9.8.7-test":            []byte("map"),
		modules + "modules.builtin":             []byte("kernel/drivers/built-in.ko\n"),
		modules + "kernel/arch/kvm-amd.ko.xz":   packed(t, fakeModule(t, "license=GPL", "depends=kvm,built-in")),
		modules + "kernel/arch/kvm.ko.zst":      enc.EncodeAll(fakeModule(t, "depends=irqbypass", "softdep=pre: soft absent post: late"), nil),
		modules + "kernel/virt/irqbypass.ko":    fakeModule(t, "depends="),
		modules + "kernel/lib/soft.ko":          fakeModule(t, "depends="),
		modules + "kernel/lib/late.ko":          fakeModule(t, "depends="),
		modules + "kernel/drivers/needy.ko":     fakeModule(t, "depends=nonesuch"),
		modules + "kernel/drivers/not-elf.ko":   []byte("no module"),
		modules + "kernel/drivers/not-xz.ko.xz": []byte("not packed"),
	} {
		path := filepath.Join(unpacked, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	release, err := arrange(unpacked, tree)
	if err != nil || release != "9.8.7-test" {
		t.Fatal(release, err)
	}
	if err := writeManifest(tree, release, []string{"x/linux_9.8.7_amd64.deb"}); err != nil {
		t.Fatal(err)
	}
	return cache
}

// TestWarmCache gets a kernel with nothing to fetch one with.
func TestWarmCache(t *testing.T) {
	l := Lane{Name: "test", Suite: "nonesuch", DebArch: "amd64", Packages: []string{"linux"}, Modules: []Module{{Name: "kvm_amd"}}}
	fakeKernel(t, l)
	t.Setenv("PATH", "")
	k, err := l.Fetch(t.Context(), FetchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(k.Image); string(b) != "image" || err != nil {
		t.Errorf("image %q, %v", b, err)
	}
	if k.Version() != "9.8" || filepath.Base(k.Modules) != "9.8.7-test" {
		t.Errorf("%+v", k)
	}
	if err := k.VerifyAll(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestDamagedCache has nothing to repair the cache with, so it must refuse.
func TestDamagedCache(t *testing.T) {
	l := Lane{Name: "test", Suite: "nonesuch", DebArch: "amd64", Packages: []string{"linux"}, Modules: []Module{{Name: "kvm-amd"}}}
	for name, file := range map[string]string{
		"image": "vmlinuz", "module": "modules/9.8.7-test/kernel/arch/kvm-amd.ko.xz", "manifest": "manifest.json",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(l.dir(fakeKernel(t, l)), file)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)/2] ^= 0x80
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", "")
			var progress bytes.Buffer
			_, err = l.Fetch(t.Context(), FetchOptions{Progress: &progress})
			wantFailure(t, err, NoKernel)
			if !strings.Contains(progress.String(), "fetching the kernel again") {
				t.Errorf("progress %q", progress.String())
			}
		})
	}
}

func TestColdCache(t *testing.T) {
	l := Lane{Name: "test"}
	t.Setenv(CacheEnv, t.TempDir())
	if _, err := l.Cached(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty cache: %v", err)
	}
}

func TestResolve(t *testing.T) {
	l := Lane{Name: "test"}
	fakeKernel(t, l)
	k, err := l.Cached()
	if err != nil {
		t.Fatal(err)
	}
	order := func(wanted ...Module) []string {
		mods, err := k.resolve(wanted)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, m := range mods {
			names = append(names, m.Name)
		}
		return names
	}
	want := []string{"irqbypass", "soft", "kvm", "kvm-amd"}
	if got := order(Module{Name: "kvm-amd"}, Module{Name: "irqbypass"}, Module{Name: "built_in"}); !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
	if got := order(Module{Name: "nonesuch", Optional: true}); len(got) > 0 {
		t.Errorf("optional and missing: %v", got)
	}
	for _, name := range []string{"nonesuch", "needy", "not-elf", "not-xz"} {
		if _, err := k.resolve([]Module{{Name: name}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestArrangeRefuses(t *testing.T) {
	if _, err := arrange(t.TempDir(), t.TempDir()); err == nil {
		t.Error("packages without a kernel: no error")
	}
}

func TestVersion(t *testing.T) {
	for release, want := range map[string]string{
		"6.1.0-50-cloud-amd64": "6.1", "7.2.13+deb14-cloud-amd64": "7.2", "odd": "odd",
	} {
		if got := (&Kernel{Release: release}).Version(); got != want {
			t.Errorf("%s: %s, want %s", release, got, want)
		}
	}
}
