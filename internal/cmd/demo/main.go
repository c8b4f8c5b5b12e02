// Command demo is `make run`: it boots a stock Debian kernel in our microVM, and
// prints what the guest says. On a machine whose KVM cannot run a kernel at a
// bearable speed it does so inside the rig, and says so.
//
// It is also the guest's /init: see init.go.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"linuxkvm/internal/guest"
	"linuxkvm/internal/rig"
	"linuxkvm/machine"
)

// cmdline is the guest kernel's.
const cmdline = "console=" + machine.ConsoleName + " panic=-1"

func main() {
	if guest.IsInit() {
		guestMain()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	status, err := run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		status = 1
	}
	os.Exit(status)
}

func run(ctx context.Context) (status int, err error) {
	// Its kernel is the guest's, and in its rig the guest boots where it must.
	lane := rig.DefaultLanes()[0]
	say("getting the kernel (Debian package %s, %s)", lane.Packages[0], lane.Suite)
	kernel, err := lane.Fetch(ctx, rig.FetchOptions{Progress: os.Stderr})
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "linuxkvm-demo-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	files := bundle{
		command: filepath.Join(dir, "microvm"),
		kernel:  kernel.Image,
		initrd:  filepath.Join(dir, "initrd"),
	}
	say("building the microvm command and an initrd whose /init is this program")
	if err := rig.GoBuild(ctx, lane.GOARCH, "./cmd/microvm", files.command); err != nil {
		return 0, err
	}
	// This very program is static: it needs nothing beside it.
	if err := guest.WriteInitrdFile(files.initrd, "/proc/self/exe"); err != nil {
		return 0, err
	}
	if why := unusable(); why != "" {
		say("%s", why)
		say("so the microVM runs inside the rig: real KVM in a Linux %s that QEMU emulates (slow, see docs/rig.md)", kernel.Version())
		return files.runInRig(ctx, lane)
	}
	return files.runHere(ctx)
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "==> "+format+"\n", args...) }
