package linux

import (
	"errors"
	"fmt"
	"io"

	"linuxkvm/boot"
	"linuxkvm/internal/guestinit"
	"linuxkvm/internal/initramfs"
	"linuxkvm/internal/kmod"
	"linuxkvm/kvm"
	"linuxkvm/machine"
	"linuxkvm/virtio"
)

// Config describes a guest. The zero value is one with the running host's kernel and
// nothing but this program in its root.
type Config struct {
	// System is the KVM to use; nil opens /dev/kvm for this guest.
	System *kvm.System
	// Kernel is the kernel; the zero value is the running host's.
	Kernel Kernel
	// CPUs is the number of vCPUs and Memory the size of guest RAM in bytes; zero is
	// machine.DefaultCPUs and machine.DefaultMemory.
	CPUs   int
	Memory uint64
	// Root is what stands at / for commands.
	Root Root
	// Disks are further disks, in the order of their names in the guest.
	Disks []Disk
	// Volumes are directories of the host that the guest shares.
	Volumes []Volume
	// Network is what the guest's network interface is connected to; nil for a guest
	// without one.
	Network Network
	// Devices are further virtio devices, with the modules that Linux has for their
	// types. They are closed with the VM.
	Devices []virtio.Device
	// Cmdline is added to the kernel's command line.
	Cmdline string
	// Console gets what the kernel and the guest's first process say on the serial
	// port; nil discards it.
	Console io.Writer
	// Hostname is the guest's; empty is "microvm".
	Hostname string
	// Env is the environment of a command that brings none; nil is DefaultEnv.
	Env []string
	// Program is a static program that imports this package, for the guest's first
	// process; empty is the program that is running.
	Program string
	// Ready is called, if it is not nil, when everything that the guest needs is open and
	// before it runs: the place for confine.Process. An error ends the start.
	Ready func() error

	nics []guestinit.Net // what openDevices made of Network
}

// DefaultEnv is the environment of commands.
var DefaultEnv = []string{
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root", "LANG=C.UTF-8", "TERM=dumb",
}

// baseCmdline keeps the kernel quiet, which a serial port makes slow, and makes a
// panic end the machine.
const baseCmdline = "console=" + machine.ConsoleName + " quiet panic=-1"

// withDefaults fills in what is left zero.
func (c Config) withDefaults() (Config, error) {
	var err error
	if c.Kernel.Image == "" {
		if c.Kernel, err = HostKernel(); err != nil {
			return c, err
		}
	}
	if c.Program == "" {
		// Not os.Executable, whose file may be gone or another by now.
		c.Program = "/proc/self/exe"
	}
	if c.Hostname == "" {
		c.Hostname = "microvm"
	}
	if c.Env == nil {
		c.Env = DefaultEnv
	}
	if n := len(c.disks()); n > maxDisks {
		return c, fmt.Errorf("linux: %d disks: want at most %d", n, maxDisks)
	}
	if c.Console == nil {
		c.Console = io.Discard
	}
	return c, errors.Join(c.Root.check(), c.checkMounts())
}

// cmdline is the kernel's command line.
func (c *Config) cmdline() string {
	if c.Cmdline == "" {
		return baseCmdline
	}
	return baseCmdline + " " + c.Cmdline
}

// images opens the kernel and makes the initramfs.
func (c *Config) images() (kernel, initrd *boot.File, err error) {
	root, mounts := c.mounts()
	archive := initramfs.Archive{
		Modules: c.modules(), ModuleDir: c.Kernel.Modules, Program: c.Program,
		Config: guestinit.Config{Hostname: c.Hostname, Env: c.Env, Root: root, Mounts: mounts, Net: c.nics},
	}
	f, err := archive.Build()
	if err != nil {
		return nil, nil, fmt.Errorf("linux: %w", err)
	}
	if initrd, err = boot.NewFile(f); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	if kernel, err = boot.Open(c.Kernel.Image); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("linux: kernel: %w", err), initrd.Close())
	}
	return kernel, initrd, nil
}

// modules are what the guest needs.
func (c *Config) modules() []kmod.Module {
	list := []kmod.Module{kmod.Virtio}
	for _, name := range []string{"vsock", "rng", "balloon"} {
		list = append(list, kmod.GuestModules[name]...)
	}
	for _, d := range c.disks() {
		list = append(list, kmod.GuestModules["block"]...)
		list = append(list, filesystemModules(d.Filesystem)...)
	}
	if len(c.volumes()) > 0 {
		list = append(list, kmod.GuestModules["fs"]...)
	}
	if c.Network != nil {
		list = append(list, kmod.GuestModules["net"]...)
	}
	for _, d := range c.Devices {
		list = append(list, kmod.GuestModules[moduleNames[d.Type()]]...)
	}
	if c.Root.Layer {
		list = append(list, kmod.GuestModules["overlay"]...)
	}
	return list
}

// moduleNames are names of kmod.GuestModules by type of device.
var moduleNames = map[uint32]string{
	virtio.TypeBlock: "block", virtio.TypeNet: "net", virtio.TypeFS: "fs", virtio.TypeConsole: "console",
	virtio.TypeRNG: "rng", virtio.TypeBalloon: "balloon", virtio.TypeVsock: "vsock",
}

// filesystemModules are those of a type of file system.
func filesystemModules(name string) []kmod.Module {
	if name == "" {
		name = "ext4"
	}
	if list := kmod.GuestModules[name]; list != nil {
		return list
	}
	return []kmod.Module{{Name: name, Optional: true}}
}
