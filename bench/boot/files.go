package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"

	"linuxkvm/internal/rig"
)

// lanePaths is where things are in the lane.
var lanePaths = struct{ command, bench, kernel, initrd, qemu string }{
	command: "/bin/microvm", bench: "/bin/bench-boot", kernel: "/boot/vmlinuz", initrd: "/boot/initrd", qemu: "/usr/bin/qemu-system-x86_64",
}

// firmware is what QEMU's microvm machine loads, by name in its data directories.
var firmware = []string{"bios-microvm.bin", "linuxboot_dma.bin", "pvh.bin"}

var library = regexp.MustCompile(`(/\S+) \(0x`)

// qemuFiles returns QEMU with its libraries and firmware, from this machine.
func qemuFiles(ctx context.Context) ([]rig.File, error) {
	qemu, err := exec.LookPath(filepath.Base(lanePaths.qemu))
	if err != nil {
		return nil, fmt.Errorf("%w: install qemu-system-x86", err)
	}
	out, err := exec.CommandContext(ctx, "ldd", qemu).Output()
	if err != nil {
		return nil, fmt.Errorf("the libraries of %s: %w", qemu, err)
	}
	files := []rig.File{{Guest: lanePaths.qemu, Host: qemu}}
	for _, m := range library.FindAllStringSubmatch(string(out), -1) {
		target, err := filepath.EvalSymlinks(m[1])
		if err != nil {
			return nil, err
		}
		files = append(files, rig.File{Guest: m[1], Host: target})
	}
	for _, name := range firmware {
		found, err := findFirmware(name)
		if err != nil {
			return nil, err
		}
		files = append(files, rig.File{Guest: "/usr/share/qemu/" + name, Host: found})
	}
	return files, nil
}

func findFirmware(name string) (string, error) {
	for _, dir := range []string{"/usr/share/qemu", "/usr/share/seabios"} {
		if path, err := filepath.EvalSymlinks(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no %s of QEMU's on this machine: install qemu-system-data and seabios", name)
}
