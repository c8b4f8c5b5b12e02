package riscv64

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"linuxkvm/boot"
	"linuxkvm/boot/flat"
	"linuxkvm/boot/payload"
)

// MaxCmdline is the longest command line a riscv64 kernel takes, in bytes without
// NUL.
const MaxCmdline = 1023

// Config says what to load and where it may go.
type Config struct {
	// Kernel is an Image, possibly compressed, or an EFI zboot image.
	Kernel boot.Image
	// Initrd is the initial RAM disk; nil for none.
	Initrd boot.Image
	// Cmdline is the kernel command line, without NUL.
	Cmdline string
	// Layout is the memory map; the guest memory handed to Load must have RAM
	// where Layout.RAM says.
	Layout Layout
	// Board is the hardware besides memory.
	Board Board
	// Entropy is where the random bytes come from that the kernel gets for its
	// generator and for the placement of its code; nil is the host's generator.
	Entropy io.Reader
}

// Loaded is the result of Load.
type Loaded struct {
	// Entry is the state the first vCPU starts in.
	Entry Entry
	// Kernel is the memory the kernel occupies when it starts; Initrd and FDT are
	// where these are. All guest-physical.
	Kernel, Initrd, FDT boot.Range
	// Compression is what the kernel was decompressed from, or payload.None.
	Compression payload.Format
}

// Entry is the state in which the first vCPU enters the kernel, in supervisor mode
// with translation and interrupts off, as KVM resets it. Registers that are not
// named are zero. The other vCPUs are stopped until the kernel has the SBI start them.
type Entry struct {
	PC uint64 // guest-physical address of the kernel
	A0 uint64 // the hart's id, which is the vCPU's
	A1 uint64 // guest-physical address of the devicetree
}

var arch = flat.Arch{
	Arch: boot.RISCV64, Parse: parseHeader, MaxCmdline: MaxCmdline,
	Reach: func(boot.Range) uint64 { return math.MaxUint64 },
}

// Load puts the kernel, the initrd and a devicetree into guest memory and returns
// how the first vCPU must start. No vCPU may run meanwhile.
//
// Errors wrap the sentinels of package boot, or come from m or the images. After
// an error guest memory may be partly written; load again or drop it.
func Load(m boot.Memory, c Config) (*Loaded, error) {
	if c.Entropy == nil {
		c.Entropy = rand.Reader
	}
	l, err := arch.Load(m, flat.Config{
		Kernel: c.Kernel, Initrd: c.Initrd, Cmdline: c.Cmdline,
		RAM: c.Layout.RAM(), Tree: c.Board.tree(c.Layout), Entropy: c.Entropy,
	})
	if err != nil {
		return nil, err
	}
	return &Loaded{
		Entry:  Entry{PC: l.Kernel.Start, A0: 0, A1: l.FDT.Start},
		Kernel: l.Kernel, Initrd: l.Initrd, FDT: l.FDT, Compression: l.Compression,
	}, nil
}

// Offsets in the header, bits of its flags, and the newest version that is
// understood: the minor number may grow without harm.
const (
	offTextOffset = 8
	offImageSize  = 16
	offFlags      = 24
	offVersion    = 32
	offMagic      = 0x30
	offMagic2     = 0x38

	flagBigEndian = 1 << 0
	majorVersion  = 0
)

// maxTextOffset is far more than any kernel asks for: they have 2 MiB.
const maxTextOffset = 1 << 30

// parseHeader judges the header of an Image.
func parseHeader(b []byte) (flat.Header, error) {
	le := binary.LittleEndian
	h := flat.Header{TextOffset: le.Uint64(b[offTextOffset:]), Size: le.Uint64(b[offImageSize:])}
	switch {
	// The first one is deprecated, and old kernels have only that.
	case string(b[offMagic:offMagic+5]) != "RISCV" && string(b[offMagic2:offMagic2+4]) != "RSC\x05":
		return h, corrupt("the kernel Image has no riscv magic number at offset 0x30 or 0x38")
	case h.Size == 0:
		return h, corrupt("the kernel Image does not say how much memory it needs")
	case le.Uint64(b[offFlags:])&flagBigEndian != 0:
		return h, &boot.FormatError{Kind: boot.ErrUnsupported, Remedy: "pass a little-endian kernel",
			What: "the kernel Image is big-endian, which no processor with KVM runs"}
	case le.Uint32(b[offVersion:])>>16 > majorVersion:
		return h, &boot.FormatError{Kind: boot.ErrUnsupported, Remedy: "pass an older kernel",
			What: fmt.Sprintf("the kernel Image has a header of version %d.%d and 0.x is what is understood",
				le.Uint32(b[offVersion:])>>16, le.Uint16(b[offVersion:]))}
	case h.TextOffset > maxTextOffset || h.TextOffset%(2<<20) != 0:
		return h, corrupt("the kernel Image wants to lie at an offset of %#x bytes, which is no multiple of 2 MiB up to 1 GiB", h.TextOffset)
	}
	return h, nil
}

func corrupt(format string, args ...any) error {
	return &boot.FormatError{Kind: boot.ErrCorrupt, What: fmt.Sprintf(format, args...), Remedy: "fetch or build it again"}
}
