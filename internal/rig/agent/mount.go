package agent

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mountAll mounts what jobs expect of a Linux system and returns what failed.
func mountAll() []string {
	var problems []string
	for _, m := range []struct {
		kind, dir, data string
		optional        bool
	}{
		{"proc", "/proc", "", false},
		{"sysfs", "/sys", "", false},
		{"devtmpfs", "/dev", "", false},
		{"devpts", "/dev/pts", "ptmxmode=0666", false},
		{"tmpfs", "/dev/shm", "mode=1777", false},
		{"tmpfs", "/tmp", "mode=1777", false},
		{"tmpfs", "/run", "mode=0755", false},
		{"debugfs", "/sys/kernel/debug", "", true},
		{"tracefs", "/sys/kernel/tracing", "", true},
	} {
		err := os.MkdirAll(m.dir, 0o755)
		if err == nil {
			err = unix.Mount(m.kind, m.dir, m.kind, 0, m.data)
		}
		// The kernel may have mounted devtmpfs itself.
		if err != nil && !errors.Is(err, unix.EBUSY) && !m.optional {
			problems = append(problems, fmt.Sprintf("mount %s on %s: %v", m.kind, m.dir, err))
		}
	}
	return append(problems, setLimits()...)
}

// setLimits gives jobs what a test of many VMs needs.
func setLimits() []string {
	var problems []string
	for _, l := range []struct {
		name     string
		resource int
		limit    uint64
	}{
		{"open files", unix.RLIMIT_NOFILE, 1 << 16},
		{"locked memory", unix.RLIMIT_MEMLOCK, unix.RLIM_INFINITY},
		{"core size", unix.RLIMIT_CORE, 0},
	} {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.limit, Max: l.limit}); err != nil {
			problems = append(problems, fmt.Sprintf("limit of %s: %v", l.name, err))
		}
	}
	return problems
}

// loopbackUp sets the loopback interface up.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("loopback: socket: %w", err)
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	return nil
}
