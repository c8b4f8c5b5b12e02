package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"linuxkvm/cmd/microvm/internal/console"
	"linuxkvm/linux"
)

// unpackKernel has --kernel and --modules name files where they name packages.
func (f *runFlags) unpackKernel(w io.Writer) error {
	kernel, err := isPackage(f.kernel)
	if err != nil {
		return fmt.Errorf("--kernel: %w", err)
	}
	modules, err := isPackage(f.modules)
	switch {
	case err != nil:
		return fmt.Errorf("--modules: %w", err)
	case !kernel && !modules:
		return nil
	case !kernel:
		return fmt.Errorf("--modules %s: a package, and --kernel is none: name that of the image there", f.modules)
	}
	packages := []string{f.kernel}
	if modules {
		packages = append(packages, f.modules)
	}
	cache := linux.PackageCache{Progress: unpackProgress(w, f.kernel)}
	k, err := cache.Kernel(context.Background(), packages...)
	if err != nil {
		return fmt.Errorf("--kernel %w", stripped{err})
	}
	if k.Modules == "" && f.modules == "" && f.initrd == "" {
		return fmt.Errorf("--kernel %s: no modules in it, which a guest for a command needs: "+
			"name the package that has them with --modules, such as Debian's linux-modules-…", f.kernel)
	}
	f.kernel = k.Image
	if modules || f.modules == "" {
		f.modules = k.Modules
	}
	return nil
}

// isPackage reports whether a file, if there is one, is a package.
func isPackage(path string) (bool, error) {
	if path == "" || isDirectory(path) {
		return false, nil
	}
	is, err := linux.IsPackage(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid) {
		return false, nil // who opens it says so, better
	}
	return is, err
}

// stripped is an error that names its packages no more.
type stripped struct{ error }

func (s stripped) Error() string { return sentence(s.error) }

func (s stripped) Unwrap() error { return s.error }

// guestKernel is the kernel of a guest for a command; the zero value is the host's.
func (f *runFlags) guestKernel() (k linux.Kernel, err error) {
	if f.kernel != "" {
		if k, err = linux.OpenKernel(f.kernel); err != nil {
			return k, fmt.Errorf("--kernel: %s; give the file of a kernel's image or of a Debian package", sentence(err))
		}
	}
	if f.modules != "" {
		k.Modules = f.modules
	}
	return k, nil
}

// unpackProgress tells a person how long it will take, and a pipe nothing.
func unpackProgress(w io.Writer, name string) func(int64) {
	f, ok := w.(*os.File)
	if !ok || !console.IsTerminal(f) {
		return nil
	}
	last := time.Now()
	return func(done int64) {
		if time.Since(last) > time.Second/5 {
			last = time.Now()
			fmt.Fprintf(w, "\rmicrovm: %s: %d MB unpacked\x1b[K", name, done/1e6)
		}
	}
}
