package arm64

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"

	"linuxkvm/boot"
	"linuxkvm/boot/flat"
	"linuxkvm/boot/payload"
)

// MaxCmdline is the longest command line an arm64 kernel takes, in bytes without NUL.
const MaxCmdline = 2047

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

// Entry is the state in which the first vCPU enters the kernel. Registers that are
// not named are zero; the MMU is off, as it is after a reset. The other vCPUs are
// powered off until the kernel calls PSCI for them.
type Entry struct {
	PC     uint64 // guest-physical address of the kernel
	X0     uint64 // that of the devicetree
	PSTATE uint64 // EL1 with its own stack pointer, every interrupt masked
}

// PSTATE bits: all of DAIF, and EL1h.
const entryPSTATE = 0xf<<6 | 0b0101

var arch = flat.Arch{
	Arch: boot.ARM64, Parse: parseHeader, MaxCmdline: MaxCmdline,
	// An initrd lies in a window of 32 GiB, aligned to 1 GiB, with the kernel.
	Reach: func(kernel boot.Range) uint64 { return kernel.Start&^(1<<30-1) + 32<<30 },
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
		RAM: c.Layout.RAM(), Tree: c.Board.tree(), Entropy: c.Entropy,
	})
	if err != nil {
		return nil, err
	}
	return &Loaded{
		Entry:  Entry{PC: l.Kernel.Start, X0: l.FDT.Start, PSTATE: entryPSTATE},
		Kernel: l.Kernel, Initrd: l.Initrd, FDT: l.FDT, Compression: l.Compression,
	}, nil
}

// Offsets in the header and bits of its flags.
const (
	offTextOffset = 8
	offImageSize  = 16
	offFlags      = 24
	offMagic      = 0x38

	flagBigEndian = 1 << 0
)

// parseHeader judges the header of an Image.
func parseHeader(b []byte) (flat.Header, error) {
	le := binary.LittleEndian
	h := flat.Header{TextOffset: le.Uint64(b[offTextOffset:]), Size: le.Uint64(b[offImageSize:])}
	switch {
	case string(b[offMagic:offMagic+4]) != "ARM\x64":
		return h, corrupt("the kernel Image has no arm64 magic number at offset 0x38")
	case h.Size == 0:
		return h, &boot.FormatError{Kind: boot.ErrUnsupported, Remedy: "use Linux 3.17 or newer",
			What: "the kernel Image does not say how much memory it needs, as before Linux 3.17"}
	case le.Uint64(b[offFlags:])&flagBigEndian != 0:
		return h, &boot.FormatError{Kind: boot.ErrUnsupported, Remedy: "pass a little-endian kernel",
			What: "the kernel Image is big-endian, which this machine's devices are not made for"}
	case h.TextOffset >= 2<<20 || h.TextOffset%8 != 0:
		return h, corrupt("the kernel Image wants to lie %#x bytes behind a boundary of 2 MiB", h.TextOffset)
	}
	return h, nil
}

func corrupt(format string, args ...any) error {
	return &boot.FormatError{Kind: boot.ErrCorrupt, What: fmt.Sprintf(format, args...), Remedy: "fetch or build it again"}
}
