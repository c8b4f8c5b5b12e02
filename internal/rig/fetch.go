package rig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"linuxkvm/internal/debian"
	"linuxkvm/internal/kmod"
)

// FetchOptions say how to get a kernel. The zero value is fine.
type FetchOptions struct {
	// Update asks the mirror for a newer kernel even if one is in the cache.
	Update bool
	// Progress gets a line for each step that takes time.
	Progress io.Writer
}

// Fetch returns the lane's kernel: from the cache, where it stays the same until
// Update, or else from Debian. Its image and the lane's modules are checked. A
// cache that is damaged is filled again. Processes may share the cache.
func (l Lane) Fetch(ctx context.Context, opts FetchOptions) (*Kernel, error) {
	k, _, err := l.prepare(ctx, opts)
	return k, err
}

// Cached returns the lane's kernel if it is in the cache and whole; the error is
// fs.ErrNotExist if it is not there.
func (l Lane) Cached() (*Kernel, error) {
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	return openKernel(l.dir(cache))
}

func (l Lane) dir(cache string) string { return filepath.Join(cache, "lanes", l.Name) }

// prepare returns the kernel and its modules, ready to load.
func (l Lane) prepare(ctx context.Context, opts FetchOptions) (*Kernel, []kmod.Loadable, error) {
	if opts.Progress == nil {
		opts.Progress = io.Discard
	}
	k, mods, err := l.lockedPrepare(ctx, opts)
	if ctx.Err() != nil {
		return nil, nil, &Failure{Reason: Canceled, Lane: l.Name, Err: ctx.Err()}
	}
	if err != nil {
		return nil, nil, &Failure{Reason: NoKernel, Lane: l.Name, Err: err}
	}
	return k, mods, nil
}

func (l Lane) lockedPrepare(ctx context.Context, opts FetchOptions) (*Kernel, []kmod.Loadable, error) {
	cache, err := CacheDir()
	if err != nil {
		return nil, nil, err
	}
	dir := l.dir(cache)
	unlock, err := lockFile(ctx, dir+".lock")
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	if !opts.Update {
		k, mods, err := l.open(dir)
		if err == nil {
			return k, mods, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(opts.Progress, "rig: %s: fetching the kernel again: %v\n", l.Name, err)
		}
	}
	if err := l.install(ctx, cache, opts); err != nil {
		return nil, nil, err
	}
	return l.open(dir)
}

func (l Lane) open(dir string) (*Kernel, []kmod.Loadable, error) {
	k, err := openKernel(dir)
	if err != nil {
		return nil, nil, err
	}
	mods, err := k.resolve(l.Modules)
	return k, mods, err
}

// install fetches the packages and puts the kernel into the cache, all or
// nothing.
func (l Lane) install(ctx context.Context, cache string, opts FetchOptions) error {
	request := debian.Request{Suite: l.Suite, Arch: l.DebArch, Packages: l.Packages}
	if opts.Update {
		request.MaxAge = -1
	}
	start := time.Now()
	debs, err := debian.Fetch(ctx, request, filepath.Join(cache, "debian"), opts.Progress)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Join(cache, "lanes"), l.Name+".new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	unpacked, tree := filepath.Join(tmp, "unpacked"), filepath.Join(tmp, "tree")
	for _, deb := range debs {
		if err := debian.Extract(deb, unpacked); err != nil {
			return err
		}
	}
	release, err := arrange(unpacked, tree)
	if err != nil {
		return fmt.Errorf("packages of lane %s: %w", l.Name, err)
	}
	if err := writeManifest(tree, release, debs); err != nil {
		return err
	}
	if err := replaceDir(tree, l.dir(cache)); err != nil {
		return err
	}
	fmt.Fprintf(opts.Progress, "rig: %s: Linux %s is ready (%.1f s)\n", l.Name, release, time.Since(start).Seconds())
	return nil
}

// arrange moves the image and the modules from where Debian's packages have them
// to where the cache has them. It returns the kernel's release.
func arrange(unpacked, tree string) (release string, err error) {
	modules, err := globOne(unpacked, "lib/modules/*", "usr/lib/modules/*")
	if err != nil {
		return "", err
	}
	release = filepath.Base(modules)
	image, err := globOne(unpacked, "boot/vmlinu[xz]-*", "usr/lib/modules/*/vmlinu[xz]")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(tree, modulesName), 0o755); err != nil {
		return "", err
	}
	if err := os.Rename(image, filepath.Join(tree, imageName)); err != nil {
		return "", err
	}
	return release, os.Rename(modules, filepath.Join(tree, modulesName, release))
}

// globOne returns the one path that matches any of the patterns.
func globOne(dir string, patterns ...string) (string, error) {
	var found []string
	for _, p := range patterns {
		m, err := filepath.Glob(filepath.Join(dir, p))
		if err != nil {
			return "", err
		}
		found = append(found, m...)
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%d files are like %q, want 1", len(found), patterns)
	}
	return found[0], nil
}

// replaceDir puts from in the place of to.
func replaceDir(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.Rename(from, to)
}
