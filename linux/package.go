package linux

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"linuxkvm/internal/deb"
)

// PackageCache is a directory with kernels of package files, by what is in the files.
// Several processes may use it.
type PackageCache struct {
	// Dir is the directory; empty is linuxkvm/kernels in the user's cache.
	Dir string
	// Progress is called with how many bytes are unpacked; nil for nobody.
	Progress func(done int64)
}

// IsPackage reports whether a file is one that [PackageCache.Kernel] takes, and not a
// kernel's image.
func IsPackage(path string) (bool, error) { return deb.Is(path) }

// imageNames and moduleNames match what is looked for in packages; $1 is the release.
var (
	packedImage  = regexp.MustCompile(`^(?:boot/(?:vmlinuz|vmlinux|Image)-([^/]+)|(?:usr/)?lib/modules/([^/]+)/(?:vmlinuz|vmlinux|Image))$`)
	packedModule = regexp.MustCompile(`^(?:usr/)?lib/modules/([^/]+)/(.+(?:\.ko(?:\.xz|\.zst|\.gz)?|modules\.builtin)|modules\.builtin)$`)
)

// Kernel returns the kernel in Debian's packages, which it unpacks if it has not done
// so. Where a distribution has the image in one package and the modules in another,
// both are named. Without any modules the Kernel has none: see [Kernel].
func (c *PackageCache) Kernel(ctx context.Context, packages ...string) (Kernel, error) {
	key, err := hashFiles(packages)
	if err != nil {
		return Kernel{}, fmt.Errorf("linux: %w", err)
	}
	base := c.Dir
	if base == "" {
		if base, err = os.UserCacheDir(); err != nil {
			return Kernel{}, fmt.Errorf("linux: nowhere to unpack kernels: %w", err)
		}
		base = filepath.Join(base, "linuxkvm", "kernels")
	}
	if err := os.MkdirAll(base, 0o700); err != nil {
		return Kernel{}, fmt.Errorf("linux: %w", err)
	}
	unlock, err := lockFile(filepath.Join(base, key+".lock"))
	if err != nil {
		return Kernel{}, fmt.Errorf("linux: %w", err)
	}
	defer unlock()
	dir := filepath.Join(base, key)
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		if err := c.unpack(ctx, dir, packages); err != nil {
			return Kernel{}, fmt.Errorf("linux: %w", err)
		}
	}
	return unpackedKernel(dir)
}

// unpackedKernel is what unpack has made.
func unpackedKernel(dir string) (Kernel, error) {
	images, err := filepath.Glob(filepath.Join(dir, "vmlinuz-*"))
	if err != nil || len(images) != 1 {
		return Kernel{}, fmt.Errorf("linux: %s is not what was unpacked: remove it", dir)
	}
	k := Kernel{Image: images[0]}
	if modules := filepath.Join(dir, "modules"); isDir(modules) {
		k.Modules = modules
	}
	return k, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// hashFiles is a name for what is in files.
func hashFiles(paths []string) (string, error) {
	h := sha256.New()
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, f)
		_ = f.Close() // only read
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// unpack makes dir, under another name first: what has the name is whole.
func (c *PackageCache) unpack(ctx context.Context, dir string, packages []string) error {
	part := dir + ".part"
	// One that did not get to its end may have left some.
	if err := errors.Join(os.RemoveAll(part), os.Mkdir(part, 0o700)); err != nil {
		return err
	}
	err := c.unpackTo(ctx, part, packages)
	if err == nil {
		err = os.Rename(part, dir)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	return nil
}

func (c *PackageCache) unpackTo(ctx context.Context, dir string, packages []string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := unpacking{ctx: ctx, root: root, tell: c.Progress}
	for _, p := range packages {
		if err := u.add(p); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	if u.release == "" {
		return fmt.Errorf("%s: no kernel image in it, neither boot/vmlinuz-RELEASE nor lib/modules/RELEASE/vmlinuz: "+
			"a package without one may depend on that which has it, such as Debian's linux-image-…-amd64 or linux-binary-…", strings.Join(packages, ", "))
	}
	if u.modulesOf != "" && u.modulesOf != u.release {
		return fmt.Errorf("%s: the kernel is %s, and the modules are those of %s: take packages of one build",
			strings.Join(packages, ", "), u.release, u.modulesOf)
	}
	if u.modulesOf != "" && !u.builtin {
		// Without the list of what is built in, nothing is.
		return root.WriteFile("modules/modules.builtin", nil, 0o600)
	}
	return nil
}

// unpacking is a kernel on its way out of packages.
type unpacking struct {
	ctx     context.Context
	root    *os.Root
	tell    func(int64)
	done    int64
	release string // of the image, once there is one
	// modulesOf is the release of the modules.
	modulesOf string
	builtin   bool
}

func (u *unpacking) add(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return deb.Files(f, u.file)
}

// file takes an image or a module. What else there is, links too, is left.
func (u *unpacking) file(h *tar.Header, r io.Reader) error {
	name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	if m := packedImage.FindStringSubmatch(name); m != nil && u.release == "" {
		u.release = m[1] + m[2]
		return u.write("vmlinuz-"+u.release, r)
	}
	m := packedModule.FindStringSubmatch(name)
	if m == nil {
		return nil
	}
	if u.modulesOf != "" && m[1] != u.modulesOf {
		return fmt.Errorf("modules of two kernels, %s and %s: take the package of one", u.modulesOf, m[1])
	}
	u.modulesOf = m[1]
	u.builtin = u.builtin || m[2] == "modules.builtin"
	return u.write(path.Join("modules", m[2]), r)
}

func (u *unpacking) write(name string, r io.Reader) error {
	if err := u.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := u.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil // in two packages, or in two places of one
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(f, readerFunc(func(p []byte) (int, error) {
		if err := u.ctx.Err(); err != nil {
			return 0, err
		}
		n, err := r.Read(p)
		if u.done += int64(n); u.tell != nil {
			u.tell(u.done)
		}
		return n, err
	}))
	return errors.Join(err, f.Close())
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// lockFile waits for a file that only one process holds.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(&os.PathError{Op: "flock", Path: path, Err: err}, f.Close())
	}
	return func() { _ = f.Close() }, nil // which unlocks it
}
