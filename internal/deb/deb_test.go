package deb_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"linuxkvm/internal/deb"
	"linuxkvm/internal/deb/debtest"
)

func TestFiles(t *testing.T) {
	files := map[string][]byte{"boot/vmlinuz-1": []byte("kernel"), "lib/modules/1/a.ko": []byte("module")}
	for _, ext := range []string{"", ".gz", ".xz", ".zst"} {
		b, err := debtest.Make(ext, files)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		err = deb.Files(bytes.NewReader(b), func(h *tar.Header, r io.Reader) error {
			content, err := io.ReadAll(r)
			got[h.Name] = string(content)
			return err
		})
		if err != nil || len(got) != 2 || got["./boot/vmlinuz-1"] != "kernel" || got["./lib/modules/1/a.ko"] != "module" {
			t.Errorf("%q: %q, %v", ext, got, err)
		}
	}
}

func TestErrors(t *testing.T) {
	whole, err := debtest.Make(".xz", map[string][]byte{"a": nil})
	if err != nil {
		t.Fatal(err)
	}
	odd, err := debtest.Make(".rar", nil)
	if err != nil {
		t.Fatal(err)
	}
	for want, b := range map[string][]byte{
		"does not begin":      []byte("PK\x03\x04 something else"),
		"without data.tar":    whole[:8+60+4],
		"is not one":          append(append([]byte(nil), whole[:8]...), bytes.Repeat([]byte{'-'}, 60)...),
		"control.tar":         whole[:8+60+4+60+1],
		"a header of its":     whole[:8+60+4+7],
		"data.tar.xz: ":       whole[:len(whole)-20],
		"data.tar.rar: compr": odd,
	} {
		err := deb.Files(bytes.NewReader(b), func(*tar.Header, io.Reader) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
	stop := errors.New("stop")
	if err := deb.Files(bytes.NewReader(whole), func(*tar.Header, io.Reader) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

func TestIs(t *testing.T) {
	dir := t.TempDir()
	for content, want := range map[string]bool{"": false, "!<arch>": false, "!<arch>\n": true, "MZ, a kernel": false} {
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := deb.Is(path); got != want || err != nil {
			t.Errorf("%q: %v, %v", content, got, err)
		}
	}
	if _, err := deb.Is(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func FuzzFiles(f *testing.F) {
	for _, ext := range []string{"", ".gz", ".xz", ".zst"} {
		b, err := debtest.Make(ext, map[string][]byte{"boot/vmlinuz": []byte("kernel")})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		_ = deb.Files(bytes.NewReader(b), func(_ *tar.Header, r io.Reader) error {
			_, err := io.CopyN(io.Discard, r, 1<<16)
			return err
		})
	})
}
