package guestinit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// newRoot is where the root is put together, in the initramfs.
const newRoot = "/linuxkvm/root"

// kernelMounts are the kernel's own file systems; the optional ones are there or not
// as the kernel is made.
var kernelMounts = []struct {
	kind, dir, data string
	flags           uintptr
	optional        bool
}{
	{"proc", "/proc", "", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, false},
	{"sysfs", "/sys", "", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, false},
	{"devtmpfs", "/dev", "mode=0755", unix.MS_NOSUID, false},
	{"devpts", "/dev/pts", "ptmxmode=0666,mode=0620,gid=5", unix.MS_NOSUID | unix.MS_NOEXEC, false},
	{"tmpfs", "/dev/shm", "mode=1777", unix.MS_NOSUID | unix.MS_NODEV, false},
	{"tmpfs", "/run", "mode=0755", unix.MS_NOSUID | unix.MS_NODEV, false},
	{"cgroup2", "/sys/fs/cgroup", "", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, true},
}

// mountKernel mounts them in the initramfs.
func (g *guest) mountKernel() error {
	for _, m := range kernelMounts {
		err := errors.Join(os.MkdirAll(m.dir, 0o755), unix.Mount(m.kind, m.dir, m.kind, m.flags, m.data))
		switch {
		case err == nil, errors.Is(err, unix.EBUSY): // the kernel may have mounted devtmpfs itself
		case m.optional:
			continue
		default:
			return fmt.Errorf("mount %s on %s: %w", m.kind, m.dir, err)
		}
	}
	return os.MkdirAll("/tmp", 0o1777)
}

// mountRoot makes the root that was asked for this process's.
func (g *guest) mountRoot() error {
	r := g.config.Root
	if r.Type == "" {
		return nil
	}
	base := newRoot
	if r.Overlay {
		base = "/linuxkvm/lower"
	}
	r.Target = base
	if err := mount(r.Mount); err != nil {
		return fmt.Errorf("root: %w", err)
	}
	if r.Overlay {
		if err := overlay(base, newRoot); err != nil {
			return fmt.Errorf("root: %w", err)
		}
	}
	return enter(newRoot)
}

// overlay puts a layer in memory over lower.
func overlay(lower, at string) error {
	const upper, layer, work = "/linuxkvm/upper", "/linuxkvm/upper/layer", "/linuxkvm/upper/work"
	if err := mount(Mount{Source: "tmpfs", Target: upper, Type: "tmpfs", Data: "mode=0755"}); err != nil {
		return err
	}
	if err := errors.Join(os.Mkdir(layer, 0o755), os.Mkdir(work, 0o755)); err != nil {
		return err
	}
	return mount(Mount{Source: "overlay", Target: at, Type: "overlay",
		Data: "lowerdir=" + lower + ",upperdir=" + layer + ",workdir=" + work})
}

// enter moves the kernel's file systems to a new root and makes it this process's.
func enter(root string) error {
	for _, dir := range []string{"/proc", "/sys", "/dev", "/run"} {
		target := root + dir
		if err := os.MkdirAll(target, 0o755); err != nil {
			return fmt.Errorf("root: %s is needed as a place to mount: %w", dir, err)
		}
		if err := unix.Mount(dir, target, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("root: move %s: %w", dir, err)
		}
	}
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("root: move: %w", err)
	}
	return errors.Join(unix.Chroot("."), unix.Chdir("/"))
}

// mountOthers mounts the rest in the root.
func (g *guest) mountOthers() error {
	for _, m := range g.config.Mounts {
		if err := mount(m); err != nil {
			return err
		}
	}
	return nil
}

// deviceTime is how long a disk may take to appear.
const deviceTime = 10 * time.Second

func mount(m Mount) error {
	if err := os.MkdirAll(m.Target, 0o755); err != nil {
		return fmt.Errorf("mount %s: %w", m.Source, err)
	}
	var flags uintptr
	if m.ReadOnly {
		flags |= unix.MS_RDONLY
	}
	if strings.HasPrefix(m.Source, "/dev/") {
		if err := await(m.Source); err != nil {
			return err
		}
	}
	if err := unix.Mount(m.Source, m.Target, m.Type, flags, m.Data); err != nil {
		return fmt.Errorf("mount %s (%s) on %s: %w", m.Source, m.Type, m.Target, err)
	}
	return nil
}

// await waits for a device: the kernel looks for disks in the background.
func await(device string) error {
	for end := time.Now().Add(deviceTime); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(device); err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("there is no %s", device)
		}
	}
}

// unmountAll makes every disk read-only or lets go of it, the newest mount first.
// What is still in use stays.
func unmountAll() {
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		fields := strings.Fields(lines[i])
		if len(fields) < 3 || !strings.HasPrefix(fields[0], "/dev/") {
			continue
		}
		dir := filepath.Clean(fields[1])
		if unix.Unmount(dir, 0) != nil {
			_ = unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "") // Sync was before
		}
	}
}
