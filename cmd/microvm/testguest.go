package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// In the guest of a test this program is the first process, and runs once more to put
// the test's root together: the host's files, under a layer in memory.
const (
	guestProgram = "/init"
	guestTestArg = "run-test-in-guest"

	guestHost  = "/linuxkvm-test/host"  // the host's files
	guestLayer = "/linuxkvm-test/layer" // a file system in memory
	guestUpper = guestLayer + "/upper"  // what the test has written
	guestRoot  = "/linuxkvm-test/root"  // both of them
)

// guestTest becomes a test: its arguments are the directory, the binary, and the
// binary's.
func guestTest(args []string) error {
	if len(args) < 2 {
		return errors.New("no directory and test binary")
	}
	if err := mountTestRoot(); err != nil {
		return fmt.Errorf("the guest's root: %w", err)
	}
	if err := unix.Chroot(guestRoot); err != nil {
		return os.NewSyscallError("chroot", err)
	}
	if err := os.Chdir(args[0]); err != nil {
		return err
	}
	return &os.PathError{Op: "exec", Path: args[1], Err: syscall.Exec(args[1], args[1:], os.Environ())}
}

func mountTestRoot() error {
	work := filepath.Join(guestLayer, "work")
	for _, dir := range []string{guestLayer, guestRoot} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("tmpfs", guestLayer, "tmpfs", 0, "mode=0755"); err != nil {
		return &os.PathError{Op: "mount", Path: guestLayer, Err: err}
	}
	if err := errors.Join(os.Mkdir(guestUpper, 0o755), os.Mkdir(work, 0o755)); err != nil {
		return err
	}
	layers := strings.Join([]string{"lowerdir=" + guestHost, "upperdir=" + guestUpper, "workdir=" + work}, ",")
	if err := unix.Mount("overlay", guestRoot, "overlay", 0, layers); err != nil {
		return fmt.Errorf("an overlay over the host's files: %w (the kernel needs overlayfs)", err)
	}
	// The kernel's own file systems are the guest's, not the host's.
	for _, dir := range []string{"/proc", "/sys", "/dev", "/run"} {
		target := guestRoot + dir
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(dir, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return &os.PathError{Op: "mount", Path: target, Err: err}
		}
	}
	return nil
}
