package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"linuxkvm/internal/debian"
)

// headersPackage is Debian's package of the kernel's headers for programs, of
// every architecture at once.
const headersPackage = "linux-libc-dev"

// headers is an unpacked tree of kernel headers.
type headers struct {
	version string // of the package
	root    string
}

// include are the directories that a compiler for the target searches.
func (h headers) include(t target) []string {
	return []string{
		filepath.Join(h.root, "usr/include"),
		filepath.Join(h.root, "usr/lib/linux/uapi", t.kernel),
	}
}

// fetchHeaders brings the headers of one version, or the newest if the version
// is empty.
func fetchHeaders(ctx context.Context, version, cacheDir string, progress io.Writer) (headers, error) {
	req := debian.Request{Suite: "sid", Arch: "amd64", Packages: []string{headersPackage}, MaxAge: -1}
	if version != "" {
		req.Packages[0] += "=" + version
		req.MaxAge = 0
	}
	paths, err := debian.Fetch(ctx, req, cacheDir, progress)
	var moved *debian.NotFoundError
	if errors.As(err, &moved) && moved.Have != "" {
		return headers{}, &movedError{pinned: version, have: moved.Have}
	}
	if err != nil {
		return headers{}, err
	}
	h, err := unpackHeaders(paths[len(paths)-1], cacheDir)
	if err == nil && version == "" {
		// So that the cache answers for the version when the mirror is gone.
		_, err = fetchHeaders(ctx, h.version, cacheDir, io.Discard)
	}
	return h, err
}

// movedError says that the pinned headers cannot be had any more.
type movedError struct{ pinned, have string }

func (e *movedError) Error() string {
	return fmt.Sprintf("the package was generated from %s %s, which Debian sid has replaced with %s and which is not in the cache: "+
		"regenerate from the new one with -update, or name a file of the old one with -deb", headersPackage, e.pinned, e.have)
}

// unpackHeaders unpacks a package file, once for each version.
func unpackHeaders(deb, cacheDir string) (headers, error) {
	info, err := debian.Inspect(deb)
	if err != nil {
		return headers{}, err
	}
	if info.Package != headersPackage {
		return headers{}, fmt.Errorf("%s holds the package %s, not %s", deb, info.Package, headersPackage)
	}
	h := headers{version: info.Version, root: filepath.Join(cacheDir, "headers", info.Version)}
	if _, err := os.Stat(h.root); err == nil {
		return h, nil
	}
	if err := os.MkdirAll(filepath.Dir(h.root), 0o755); err != nil {
		return headers{}, err
	}
	// Renamed into place, so that a half-unpacked tree is never used.
	temporary, err := os.MkdirTemp(filepath.Dir(h.root), ".new-")
	if err != nil {
		return headers{}, err
	}
	defer os.RemoveAll(temporary)
	if err := debian.Extract(deb, temporary); err != nil {
		return headers{}, err
	}
	err = os.Rename(temporary, h.root)
	if _, there := os.Stat(h.root); err != nil && there != nil {
		return headers{}, err
	}
	return h, nil
}
