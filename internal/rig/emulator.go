package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"linuxkvm/internal/debian"
)

// The emulator is Debian's, of this suite and the one below it, with all its
// libraries, so that every machine has the same. It is as new as it is because
// QEMU before 10.2 loses interrupts: see docs/rig.md.
const (
	emulatorSuite = "trixie-backports"
	emulatorBase  = "trixie"
)

// Emulator is a QEMU in the cache that runs on any machine of its architecture.
type Emulator struct {
	// Root is the directory that is / for its files.
	Root string
	// Version is the version of its Debian package.
	Version string
	// program, loader and libraries are paths below Root.
	program, loader, libraries string
}

// Command returns the command line that runs the emulator when its files are
// below root, which is Root on this machine.
func (e *Emulator) Command(root string, args ...string) []string {
	command := []string{
		filepath.Join(root, e.loader), "--library-path", filepath.Join(root, e.libraries), filepath.Join(root, e.program),
	}
	for _, dir := range firmware {
		command = append(command, "-L", filepath.Join(root, dir))
	}
	return append(command, args...)
}

// firmware are the directories that QEMU finds its firmware in.
var firmware = []string{"usr/share/qemu", "usr/share/seabios"}

// unneeded are parts of the packages that no emulator reads.
var unneeded = []string{
	"etc", "var", "usr/sbin", "usr/include", "usr/libexec",
	"usr/share/alsa", "usr/share/doc", "usr/share/icons", "usr/share/lintian", "usr/share/locale", "usr/share/man",
}

// Emulator returns the lane's emulator: from the cache, or else from Debian.
// Its files are checked.
func (l Lane) Emulator(ctx context.Context, opts FetchOptions) (*Emulator, error) {
	if opts.Progress == nil {
		opts.Progress = io.Discard
	}
	e, err := l.lockedEmulator(ctx, opts)
	if ctx.Err() != nil {
		return nil, &Failure{Reason: Canceled, Lane: l.Name, Err: ctx.Err()}
	}
	if err != nil {
		return nil, &Failure{Reason: NoQEMU, Lane: l.Name, Err: err}
	}
	return e, nil
}

func (l Lane) lockedEmulator(ctx context.Context, opts FetchOptions) (*Emulator, error) {
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, "qemu", l.QEMUPackage)
	unlock, err := lockFile(ctx, dir+".lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if !opts.Update {
		e, err := openEmulator(dir, l.QEMU)
		if err == nil {
			return e, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(opts.Progress, "rig: fetching %s again: %v\n", l.QEMUPackage, err)
		}
	}
	if err := l.installEmulator(ctx, cache, dir, opts); err != nil {
		return nil, err
	}
	return openEmulator(dir, l.QEMU)
}

// openEmulator returns the emulator in dir after checking its files.
// fs.ErrNotExist says that there is none.
func openEmulator(dir, program string) (*Emulator, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	if err := m.verify(dir); err != nil {
		return nil, err
	}
	e := &Emulator{Root: dir, Version: m.Release, program: filepath.Join("usr/bin", program)}
	if _, err := os.Stat(filepath.Join(dir, e.program)); err != nil {
		return nil, err
	}
	if e.loader, err = below(dir, "usr/lib*/ld-linux*", "usr/lib/*/ld64*"); err != nil {
		return nil, err
	}
	libc, err := below(dir, "usr/lib/*/libc.so.6")
	e.libraries = filepath.Dir(libc)
	return e, err
}

// below returns the one path that matches, relative to dir.
func below(dir string, patterns ...string) (string, error) {
	path, err := globOne(dir, patterns...)
	if err != nil {
		return "", err
	}
	return filepath.Rel(dir, path)
}

// installEmulator fetches the packages and puts them into the cache, all or
// nothing.
func (l Lane) installEmulator(ctx context.Context, cache, dir string, opts FetchOptions) error {
	request := debian.Request{
		Suite: emulatorSuite, Base: emulatorBase, Arch: debianArch(runtime.GOARCH),
		Packages: []string{l.QEMUPackage}, Closure: true,
	}
	if opts.Update {
		request.MaxAge = -1
	}
	start := time.Now()
	debs, err := debian.Fetch(ctx, request, filepath.Join(cache, "debian"), opts.Progress)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), l.QEMUPackage+".new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	version, err := unpackEmulator(debs, l.QEMUPackage, tmp)
	if err != nil {
		return err
	}
	if err := writeManifest(tmp, version, debs); err != nil {
		return err
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := replaceDir(tmp, dir); err != nil {
		return err
	}
	fmt.Fprintf(opts.Progress, "rig: %s %s is ready (%.1f s)\n", l.QEMUPackage, version, time.Since(start).Seconds())
	return nil
}

// unpackEmulator unpacks the packages and returns the version of one of them.
func unpackEmulator(debs []string, name, dir string) (version string, err error) {
	for _, deb := range debs {
		if err := debian.Extract(deb, dir); err != nil {
			return "", err
		}
		info, err := debian.Inspect(deb)
		if err != nil {
			return "", err
		}
		if info.Package == name {
			version = info.Version
		}
	}
	for _, part := range unneeded {
		if err := os.RemoveAll(filepath.Join(dir, part)); err != nil {
			return "", err
		}
	}
	return version, nil
}

// debianArch is Debian's name of an architecture of Go.
func debianArch(goarch string) string {
	if goarch == "ppc64le" {
		return "ppc64el"
	}
	return goarch
}
