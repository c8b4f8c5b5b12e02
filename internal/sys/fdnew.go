package sys

import "golang.org/x/sys/unix"

// OpenFD opens a path with close-on-exec set and returns the bare number.
func OpenFD(path string, flags int) (int, error) {
	for {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// DupFD duplicates a descriptor with close-on-exec set.
func DupFD(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
}

// NewEventFD makes an eventfd with a count of zero. It is non-blocking, so the
// Go poller can wait on it.
func NewEventFD() (int, error) {
	return unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
}

// NewMemFD makes an anonymous file of the given size, sealed against shrinking
// so that a mapping of it can never fault.
func NewMemFD(name string, size int64) (int, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, err
	}
	if err := unix.Ftruncate(fd, size); err != nil {
		CloseFD(fd)
		return -1, err
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK); err != nil {
		CloseFD(fd)
		return -1, err
	}
	return fd, nil
}

// PageSize is the host's page size in bytes.
func PageSize() int { return unix.Getpagesize() }
