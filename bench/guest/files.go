//go:build linux && amd64

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"linuxkvm/bench/internal/inlane"
	"linuxkvm/internal/debian"
	"linuxkvm/internal/rig"
)

// inLane is where things are in the lane.
var inLane = struct{ command, bench, trivial, kernel, modules, virtiofsd string }{
	command: "/bin/microvm", bench: "/bin/bench-guest", trivial: "/bin/trivial",
	kernel: "/boot/vmlinuz", modules: "/boot/modules", virtiofsd: "/virtiofsd",
}

// The root image's programs.
const (
	guestWork    = "/work"
	guestTrivial = "/trivial"
)

// laneFiles are the lane's, and the command that starts QEMU there.
func laneFiles(ctx context.Context, lane rig.Lane, dir string) (files []rig.File, qemu []string, err error) {
	for guest, pkg := range map[string]string{
		inLane.command: "./cmd/microvm", inLane.bench: "./bench/guest", inLane.trivial: "./bench/guest/trivial",
	} {
		out := filepath.Join(dir, filepath.Base(guest))
		if err := rig.GoBuild(ctx, lane.GOARCH, pkg, out); err != nil {
			return nil, nil, err
		}
		files = append(files, rig.File{Guest: guest, Host: out})
	}
	kernel, err := lane.Fetch(ctx, rig.FetchOptions{Progress: os.Stderr})
	if err != nil {
		return nil, nil, err
	}
	modules, err := kernel.GuestModules(inLane.modules)
	if err != nil {
		return nil, nil, err
	}
	files = append(files, rig.File{Guest: inLane.kernel, Host: kernel.Image})
	files = append(files, modules...)
	qemu, peer, err := inlane.QEMU(ctx, lane)
	if err != nil {
		return nil, nil, err
	}
	daemon, err := virtiofsd(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	files = append(files, rig.File{Guest: inLane.virtiofsd, Host: daemon})
	return append(files, peer...), qemu, nil
}

// The daemon and its libraries, below inLane.virtiofsd.
const (
	daemonProgram   = "usr/libexec/virtiofsd"
	daemonLibraries = "usr/lib/x86_64-linux-gnu"
)

// virtiofsd unpacks the daemon with all that it is linked with.
func virtiofsd(ctx context.Context, dir string) (root string, err error) {
	cache, err := rig.CacheDir()
	if err != nil {
		return "", err
	}
	debs, err := debian.Fetch(ctx, debian.Request{Suite: "trixie", Arch: "amd64", Packages: []string{"virtiofsd"}, Closure: true},
		filepath.Join(cache, "debian"), os.Stderr)
	if err != nil {
		return "", err
	}
	root = filepath.Join(dir, "virtiofsd-package")
	for _, deb := range debs {
		if err := debian.Extract(deb, root); err != nil {
			return "", fmt.Errorf("%s: %w", deb, err)
		}
	}
	for _, part := range []string{"etc", "var", "usr/share", "usr/bin", "usr/sbin", daemonLibraries + "/gconv"} {
		if err := os.RemoveAll(filepath.Join(root, part)); err != nil {
			return "", err
		}
	}
	return root, nil
}

// daemonCommand runs the daemon with its own loader.
func daemonCommand(args ...string) []string {
	libraries := filepath.Join(inLane.virtiofsd, daemonLibraries)
	return append([]string{
		filepath.Join(libraries, "ld-linux-x86-64.so.2"), "--library-path", libraries, filepath.Join(inLane.virtiofsd, daemonProgram),
	}, args...)
}
