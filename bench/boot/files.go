package main

import (
	"context"
	"os"

	"linuxkvm/internal/rig"
)

// lanePaths is where things are in the lane; qemu is the root of QEMU's files.
var lanePaths = struct{ command, bench, kernel, initrd, qemu string }{
	command: "/bin/microvm", bench: "/bin/bench-boot", kernel: "/boot/vmlinuz", initrd: "/boot/initrd", qemu: "/qemu",
}

// qemuFiles returns QEMU, with what its microvm machine loads, for the lane, and
// the command that starts it there.
func qemuFiles(ctx context.Context, lane rig.Lane) (command []string, files []rig.File, err error) {
	emulator, err := lane.Emulator(ctx, rig.FetchOptions{Progress: os.Stderr})
	if err != nil {
		return nil, nil, err
	}
	files, err = emulator.Files(ctx, lanePaths.qemu, "bios-microvm.bin", "linuxboot_dma.bin", "pvh.bin")
	return emulator.Command(lanePaths.qemu), files, err
}
