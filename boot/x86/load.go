package x86

import (
	"fmt"

	"linuxkvm/boot"
	"linuxkvm/boot/payload"
)

// Protocol is a way into a kernel.
type Protocol uint8

// The ways in; the package comment compares them.
const (
	// ProtocolAuto takes PVH where the kernel is an ELF file or a bzImage that
	// is quick to decompress, else Linux64.
	ProtocolAuto Protocol = iota
	// ProtocolPVH takes the PVH entry point of an ELF kernel or of the one
	// inside a bzImage, whatever decompression costs.
	ProtocolPVH
	// ProtocolLinux64 takes the 64-bit entry point of a bzImage, which then
	// decompresses and, by default, randomises itself.
	ProtocolLinux64
)

// Config says what to load and where it may go.
type Config struct {
	// Kernel is a bzImage or an ELF vmlinux, the latter possibly compressed.
	Kernel boot.Image
	// Initrd is the initial RAM disk; nil for none.
	Initrd boot.Image
	// Cmdline is the kernel command line, without NUL.
	Cmdline string
	// Layout is the memory map; the guest memory handed to Load must have RAM
	// where Layout.RAM says.
	Layout Layout
	// RSDP is the guest-physical address of the ACPI root pointer; 0 lets the
	// kernel look for one.
	RSDP uint64
	// Protocol chooses the way in.
	Protocol Protocol
	// ZeroedRAM promises that RAM reads as zeros, as it does when it was just
	// mapped. Load then does not clear memory, and so does not make it
	// resident. Leave it false when RAM is used again after a reset.
	ZeroedRAM bool
}

// Loaded is the result of Load.
type Loaded struct {
	// Entry is the state the first vCPU starts in.
	Entry Entry
	// Protocol is the way in that was taken.
	Protocol Protocol
	// Kernel is the memory the kernel occupies when it starts, Initrd where
	// the initrd is; both guest-physical.
	Kernel, Initrd boot.Range
	// Version is the kernel's version string where the image has one in clear
	// (a bzImage does), else "".
	Version string
	// Extracted is the format the payload of a bzImage was decompressed from,
	// or Unknown if that was left to the guest.
	Extracted payload.Format
}

// Load puts the kernel, the initrd, the command line and the boot data into
// guest memory and returns how the first vCPU must start. ACPI tables are the
// caller's to write. No vCPU may run meanwhile.
//
// Errors wrap the sentinels of package boot, or come from m or the images. After
// an error guest memory may be partly written; load again or drop it.
func Load(m boot.Memory, c Config) (*Loaded, error) {
	if c.Layout.Size() == 0 {
		return nil, fmt.Errorf("x86: the config has no layout; make one with NewLayout")
	}
	info, err := boot.Detect(c.Kernel)
	if err != nil {
		return nil, err
	}
	if err := info.Check(boot.AMD64); err != nil {
		return nil, err
	}
	switch {
	case info.Format == boot.BzImage && info.Compression == payload.None:
		return loadBzImage(m, &c)
	case info.Format == boot.ELF && c.Protocol != ProtocolLinux64:
		return loadELF(m, &c, info)
	case info.Format == boot.ELF:
		return nil, &boot.FormatError{Kind: boot.ErrUnsupported, What: "an ELF kernel has no Linux64 entry point", Remedy: "use the PVH protocol or pass a bzImage"}
	}
	return nil, &boot.FormatError{Kind: boot.ErrUnsupported, What: fmt.Sprintf("the kernel is %v", info), Remedy: "pass a bzImage or an ELF vmlinux"}
}

// checkCmdline is called before anything is written. h is nil for a bare ELF kernel.
func (c *Config) checkCmdline(h *Header) error {
	limit := uint32(boot.MaxCmdline)
	if h != nil {
		limit = min(h.CmdlineSize, CmdlineRoom-1)
	}
	return boot.CheckCmdline(c.Cmdline, limit)
}

// finish writes what both ways in share, then what only one has, and makes the result.
func (c *Config) finish(m boot.Memory, p *placement, proto Protocol, e Entry, h *Header, extra func() error) (*Loaded, error) {
	l := &Loaded{Entry: e, Protocol: proto, Kernel: p.kernel, Initrd: p.initrd}
	if h != nil {
		l.Version = h.KernelVersion
	}
	if err := boot.Write(m, CmdlineAddr, append([]byte(c.Cmdline), 0)); err != nil {
		return nil, err
	}
	if !p.initrd.Empty() {
		if err := boot.Load(m, p.initrd.Start, c.Initrd); err != nil {
			return nil, fmt.Errorf("load the initrd: %w", err)
		}
	}
	if err := writeGDT(m, &e); err != nil {
		return nil, err
	}
	if err := extra(); err != nil {
		return nil, err
	}
	return l, nil
}
