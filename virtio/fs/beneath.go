package fs

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// checkName refuses what is not the name of an entry in one directory.
func checkName(name string) syscall.Errno {
	switch {
	case name == "" || name == "." || name == "..":
		return syscall.EINVAL
	case len(name) > unix.NAME_MAX:
		return syscall.ENAMETOOLONG
	case strings.ContainsAny(name, "/\x00"):
		return syscall.EINVAL
	}
	return 0
}

// openRoot opens the directory that is shared. Its own path is the host's to say:
// symlinks in it are followed.
func openRoot(dir string) (int, error) {
	return unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

// lookup opens an entry of a directory without opening the file itself: O_PATH does
// not block on a fifo, nor wake a device, and of a symlink it is the symlink. The
// name is one component, so where the directory has been moved to does not matter.
func lookup(dir int, name string) (int, error) {
	if e := checkName(name); e != 0 {
		return -1, e
	}
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(dir, name, &how)
		// The kernel saw a rename at the wrong time and asks to try again.
		if err != unix.EAGAIN && err != unix.EINTR {
			return fd, err
		}
	}
}

// servable says whether the host opens files of this kind: the others could block
// it, or be a device of it.
func servable(mode uint32) bool {
	kind := mode & unix.S_IFMT
	return kind == unix.S_IFREG || kind == unix.S_IFDIR
}
