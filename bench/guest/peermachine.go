//go:build linux && amd64

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"linuxkvm/internal/guestinit"
	"linuxkvm/internal/initramfs"
	"linuxkvm/internal/kmod"
	"linuxkvm/linux"
)

// peerCID is the vsock address of QEMU's guest, of which there is one at a time.
const peerCID = 3

const peerCmdline = "console=ttyS0 quiet panic=-1"

// machine is QEMU's command line but for the devices.
func (p *peer) machine(initrd string) []string {
	return []string{
		"-machine", "microvm,memory-backend=ram", "-accel", "kvm", "-cpu", "host", "-smp", "1",
		"-m", fmt.Sprintf("%dM", guestMemory>>20), "-object", fmt.Sprintf("memory-backend-memfd,id=ram,share=on,size=%dM", guestMemory>>20),
		"-global", "virtio-mmio.force-legacy=off",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-serial", "file:" + filepath.Join(filepath.Dir(initrd), "console"),
		"-kernel", inLane.kernel, "-initrd", initrd, "-append", peerCmdline,
	}
}

// devices are those of each guest, ours too.
func (p *peer) devices() []string {
	return []string{
		"-device", "virtio-balloon-device,deflate-on-oom=on,free-page-reporting=on",
		"-object", "rng-random,id=noise,filename=/dev/urandom", "-device", "virtio-rng-device,rng=noise",
		"-device", fmt.Sprintf("vhost-vsock-device,guest-cid=%d", peerCID),
		"-netdev", "user,id=net,net=192.168.127.0/24,host=192.168.127.1,dns=192.168.127.3,dhcpstart=192.168.127.15",
		"-device", "virtio-net-device,netdev=net",
		"-drive", "if=none,id=root,format=raw,readonly=on,file=" + p.root, "-device", "virtio-blk-device,drive=root",
	}
}

// further are the devices of the guest that works.
func (p *peer) further(socket string) []string {
	return []string{
		"-chardev", "socket,id=fs,path=" + socket, "-device", "vhost-user-fs-device,chardev=fs,tag=share",
		"-drive", "if=none,id=scratch,format=raw,cache=writeback,file=" + p.scratch, "-device", "virtio-blk-device,drive=scratch",
	}
}

// writeInitrd writes the first file system, as package linux makes it.
func (p *peer) writeInitrd(path string, everything bool) error {
	archive := initramfs.Archive{
		ModuleDir: inLane.modules, Program: inLane.command, Modules: []kmod.Module{kmod.Virtio},
		Config: guestinit.Config{
			Hostname: "microvm", Env: linux.DefaultEnv,
			Root: guestinit.Root{Mount: guestinit.Mount{Source: "/dev/vda", Type: "ext4", ReadOnly: true}, Overlay: true},
			Net: []guestinit.Net{{
				Name: "eth0", Addr: "192.168.127.2/24", Gateway: "192.168.127.1", DNS: []string{"192.168.127.3"}, MTU: 1500,
			}},
		},
	}
	needs := []string{"vsock", "rng", "balloon", "block", "ext4", "net", "overlay"}
	if everything {
		needs = append(needs, "fs")
		archive.Config.Mounts = []guestinit.Mount{{Source: "share", Target: guestShare, Type: "virtiofs"}}
	}
	for _, n := range needs {
		archive.Modules = append(archive.Modules, kmod.GuestModules[n]...)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(archive.Write(f), f.Close())
}
