package machine

import (
	"errors"
	"fmt"
	"io"

	"linuxkvm/boot"
	"linuxkvm/kvm"
	"linuxkvm/virtio"
)

// Defaults for what a Config leaves zero.
const (
	DefaultMemory = 512 << 20
	DefaultCPUs   = 1
)

// MaxCPUs is the largest number of vCPUs a machine takes.
const MaxCPUs = 8

// Config describes a machine. Only Kernel is required.
type Config struct {
	// System is the KVM to use; nil opens /dev/kvm for this machine.
	System *kvm.System

	// Kernel is the kernel image, in a format that boot.Detect knows and this
	// architecture has. It is
	// read by New and not needed afterwards.
	Kernel boot.Image
	// Initrd is the initial RAM disk; nil for none.
	Initrd boot.Image
	// Cmdline is the kernel's command line. The machine adds nothing to it.
	Cmdline string

	// BootConfig is what only this architecture has.
	BootConfig

	// CPUs is the number of vCPUs, 1 to MaxCPUs.
	CPUs int
	// Memory is the size of guest RAM in bytes, a multiple of the page size: 4 KiB
	// on amd64, and 64 KiB, the largest that a kernel may use, elsewhere.
	Memory uint64

	// Devices are virtio devices, which the guest finds in this order. Each belongs to
	// one machine, which closes those that are an io.Closer when it is closed itself,
	// or when New fails.
	Devices []virtio.Device

	// ConsoleIn is what is typed on the guest's first serial port (ConsoleName);
	// nil for nothing. A reader that blocks is left blocked when the machine ends:
	// one Read may then still be in progress.
	ConsoleIn io.Reader
	// ConsoleOut gets what the guest writes there; nil discards it.
	ConsoleOut io.Writer
}

func (c *Config) withDefaults() (Config, error) {
	out := *c
	if out.CPUs == 0 {
		out.CPUs = DefaultCPUs
	}
	if out.Memory == 0 {
		out.Memory = DefaultMemory
	}
	if out.ConsoleOut == nil {
		out.ConsoleOut = io.Discard
	}
	return out, out.check()
}

func (c *Config) check() error {
	if c.Kernel == nil {
		return errors.New("machine: no kernel: set Config.Kernel")
	}
	if c.CPUs < 0 || c.CPUs > MaxCPUs {
		return fmt.Errorf("machine: %d vCPUs: want 1 to %d", c.CPUs, MaxCPUs)
	}
	if c.Memory%pageSize != 0 {
		return fmt.Errorf("machine: %d bytes of memory: want a multiple of %d", c.Memory, pageSize)
	}
	return nil
}
