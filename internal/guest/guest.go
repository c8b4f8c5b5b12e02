// Package guest is what this project's own programs do when they are /init of a
// guest: a static Go binary in an initramfs is all the user space a test needs.
package guest

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// IsInit reports whether this process is the first one of a system.
func IsInit() bool { return os.Getpid() == 1 }

// Setup mounts what the other functions read. Kernels mount devtmpfs by
// themselves or not; a mount that is there already is fine.
func Setup() error {
	for _, m := range []struct{ kind, dir string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"},
	} {
		if err := os.MkdirAll(m.dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.dir, m.kind, 0, ""); err != nil && err != unix.EBUSY {
			return fmt.Errorf("mount %s on %s: %w", m.kind, m.dir, err)
		}
	}
	return nil
}

// Report writes what this guest is: kernel, processors, memory, uptime.
func Report(w io.Writer) error {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return err
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return err
	}
	uptime, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "guest: %s %s %s, %d CPUs, %d MiB of memory, up %s s\n",
		unix.ByteSliceToString(uts.Sysname[:]), unix.ByteSliceToString(uts.Release[:]),
		unix.ByteSliceToString(uts.Machine[:]), runtime.NumCPU(),
		info.Totalram*uint64(info.Unit)>>20, strings.Fields(string(uptime))[0])
	return err
}

// CmdlineValue returns the value of name=value on the kernel's command line.
func CmdlineValue(name string) string {
	b, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return ""
	}
	for _, word := range strings.Fields(string(b)) {
		if v, ok := strings.CutPrefix(word, name+"="); ok {
			return v
		}
	}
	return ""
}

// PowerOff switches the system off. It returns only if the kernel refuses.
func PowerOff() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF) }

// Restart reboots the system.
func Restart() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART) }
