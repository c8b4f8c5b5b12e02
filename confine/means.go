package confine

import (
	"errors"
	"fmt"

	landlock "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Means are what a kernel confines a process with. no_new_privs is not among them:
// every kernel has it.
type Means struct {
	// Landlock is the version of its ABI, 0 if there is none that will do.
	Landlock int
	// Seccomp is whether system calls can be filtered.
	Seccomp bool

	lacks []error
}

// ErrNotSupported is wrapped by what says that the kernel lacks something.
var ErrNotSupported = errors.New("not supported by this kernel")

// minLandlock is the version from which on files can be renamed from one directory
// to another, without which a shared directory is of little use.
const minLandlock = 2

// Available asks the kernel, and changes nothing.
func Available() Means {
	var m Means
	version, err := landlock.LandlockGetABIVersion()
	switch {
	case err == nil && version >= minLandlock:
		m.Landlock = version
	case errors.Is(err, unix.EOPNOTSUPP):
		m.lacks = append(m.lacks, fmt.Errorf("landlock, to keep the process from files, is %w: it is built in and off; boot with lsm=landlock before the others of /sys/kernel/security/lsm", ErrNotSupported))
	case err == nil || errors.Is(err, unix.ENOSYS):
		m.lacks = append(m.lacks, fmt.Errorf("landlock, to keep the process from files, is %w: it takes Linux 5.19, with CONFIG_SECURITY_LANDLOCK", ErrNotSupported))
	default:
		m.lacks = append(m.lacks, fmt.Errorf("landlock, to keep the process from files, is %w, or kept from this process: %w", ErrNotSupported, err))
	}
	switch err := filterAvailable(); {
	case err == nil:
		m.Seccomp = true
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		m.lacks = append(m.lacks, fmt.Errorf("seccomp, to keep the process from system calls, is %w, or kept from this process: %w", ErrNotSupported, err))
	default:
		m.lacks = append(m.lacks, fmt.Errorf("seccomp, to keep the process from system calls, is %w: it takes Linux 4.14, with CONFIG_SECCOMP_FILTER", ErrNotSupported))
	}
	return m
}

// Lacks says what is missing, one error for each, nil if nothing is: what it is for, and
// how to get it. They wrap ErrNotSupported.
func (m Means) Lacks() []error { return m.lacks }
