// Package registry knows the microvm processes of a user: each has a directory of its
// own, with a file that says what it runs and a socket to reach it by.
//
// A process holds a lock on its directory for as long as it lives, which the kernel
// lets go of however it ends. A directory without a lock is what a killed process has
// left, and is removed by whoever looks next.
package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Registry is a directory with those of the processes.
type Registry struct{ dir string }

// Open returns the registry of this user: microvm in $XDG_RUNTIME_DIR, or, where that
// is not set, microvm-UID in the directory for temporary files. It is made if it is not
// there. One that others could write to is refused.
func Open() (*Registry, error) {
	dir := filepath.Join(os.TempDir(), "microvm-"+strconv.Itoa(os.Getuid()))
	if base := os.Getenv("XDG_RUNTIME_DIR"); base != "" {
		dir = filepath.Join(base, "microvm")
	}
	return openDir(dir)
}

func openDir(dir string) (*Registry, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("directory of running machines: %w; set XDG_RUNTIME_DIR to a directory of yours", err)
	}
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return nil, &os.PathError{Op: "lstat", Path: dir, Err: err}
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return nil, fmt.Errorf("%s is no directory: remove it, or set XDG_RUNTIME_DIR to a directory of yours", dir)
	case int(st.Uid) != os.Getuid():
		return nil, fmt.Errorf("%s belongs to user %d, and not to you: set XDG_RUNTIME_DIR to a directory of yours", dir, st.Uid)
	case st.Mode&0o077 != 0:
		return nil, fmt.Errorf("%s has mode %#o, and others can get at it: chmod 700 it", dir, st.Mode&0o777)
	}
	return &Registry{dir}, nil
}

// lock keeps others from adding to the registry and from cleaning it up.
func (r *Registry) lock() (unlock func(), err error) {
	f, err := lockDir(r.dir, unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// errHeld is of a lock that another has.
var errHeld = errors.New("locked")

// lockDir locks a directory until the file is closed.
func lockDir(dir string, how int) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		err = errHeld
	default:
		err = &os.PathError{Op: "flock", Path: dir, Err: err}
	}
	_ = f.Close() // only opened for the lock
	return nil, err
}

// held reports whether a living process holds the lock of a directory.
func held(dir string) bool {
	f, err := lockDir(dir, unix.LOCK_SH|unix.LOCK_NB)
	if err == nil {
		_ = f.Close()
	}
	return errors.Is(err, errHeld)
}

// List returns the processes that live, the oldest first, and removes what is left of
// the others.
func (r *Registry) List() ([]*Entry, error) {
	unlock, err := r.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return r.list()
}

// Find returns the process of a name, of an id, or of the beginning of one.
func (r *Registry) Find(name string) (*Entry, error) {
	list, err := r.List()
	if err != nil {
		return nil, err
	}
	return find(list, name)
}
