package x86

import (
	"encoding/binary"
	"fmt"
	"io"

	"linuxkvm/boot"
)

// Offsets in a bzImage file; those from 0x1f1 on are also offsets in boot_params.
const (
	offSetupSects   = 0x1f1
	offSyssize      = 0x1f4
	offBootFlag     = 0x1fe
	offJump         = 0x201 // the header ends this many bytes behind 0x202
	offMagic        = 0x202
	offVersion      = 0x206
	offKernelString = 0x20e
	offTypeOfLoader = 0x210
	offLoadflags    = 0x211
	offRamdiskImage = 0x218
	offRamdiskSize  = 0x21c
	offHeapEnd      = 0x224
	offCmdLinePtr   = 0x228
	offInitrdMax    = 0x22c
	offAlignment    = 0x230
	offRelocatable  = 0x234
	offXloadflags   = 0x236
	offCmdlineSize  = 0x238
	offPayload      = 0x248
	offPayloadLen   = 0x24c
	offPrefAddress  = 0x258
	offInitSize     = 0x260
	maxHeaderEnd    = 0x290 // boot_params has other fields from here on
)

const (
	sectorSize = 512
	// headBytes is how much of the file is read to judge it.
	headBytes = 1024

	bootFlag = 0xaa55

	loadedHigh    = 1 << 0 // loadflags
	xlfKernel64   = 1 << 0 // xloadflags
	entry64Offset = 0x200

	// minVersion is the first protocol with xloadflags, without which a
	// 64-bit entry point cannot be known to exist (Linux 3.8).
	minVersion = 0x20c
)

// Header is what a bzImage says about itself, checked against the size of the
// file. Sizes are in bytes, addresses guest-physical.
type Header struct {
	// Version is the boot protocol version, major<<8|minor.
	Version uint16
	// KernelVersion is the version string inside the image, "" if it has none.
	KernelVersion string
	// SetupSize is the offset in the file of the protected-mode code, and
	// SystemSize its length.
	SetupSize, SystemSize uint64
	// PrefAddress is where the kernel likes to be, InitSize the memory it needs
	// from there on before it looks at the memory map.
	PrefAddress, InitSize uint64
	// Alignment is the alignment of other load addresses; Relocatable says
	// that there may be any.
	Alignment   uint32
	Relocatable bool
	// InitrdMax is the highest address an initrd may occupy.
	InitrdMax uint32
	// CmdlineSize is the longest command line, without its NUL.
	CmdlineSize uint32
	// PayloadOffset is the offset in the file of the compressed vmlinux, and
	// PayloadSize its length.
	PayloadOffset, PayloadSize uint64

	// raw is the header as found, for boot_params; raw[0] is at 0x1f1.
	raw []byte
}

// ReadHeader reads and checks the setup header of a bzImage. It fails with a
// *boot.FormatError for anything this package cannot start.
func ReadHeader(img boot.Image) (*Header, error) {
	head := make([]byte, headBytes)
	n, err := img.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	h, err := parseHeader(head[:n], uint64(max(img.Size(), 0)))
	if err != nil {
		return nil, err
	}
	h.KernelVersion = kernelString(img, head[:n], h.SetupSize)
	return h, nil
}

func parseHeader(b []byte, size uint64) (*Header, error) {
	if len(b) < offMagic+4 || string(b[offMagic:offMagic+4]) != "HdrS" {
		return nil, &boot.FormatError{Kind: boot.ErrNotKernel, What: "the image has no Linux setup header (\"HdrS\" at offset 0x202)",
			Remedy: "pass a bzImage or an ELF vmlinux"}
	}
	if len(b) < headBytes {
		return nil, truncated("setup header", uint64(headBytes), size)
	}
	le := binary.LittleEndian
	sects := uint64(b[offSetupSects])
	if sects == 0 {
		sects = 4 // the protocol's meaning of 0
	}
	h := &Header{
		Version:     le.Uint16(b[offVersion:]),
		SetupSize:   (sects + 1) * sectorSize,
		SystemSize:  uint64(le.Uint32(b[offSyssize:])) * 16,
		PrefAddress: le.Uint64(b[offPrefAddress:]),
		InitSize:    uint64(le.Uint32(b[offInitSize:])),
		Alignment:   le.Uint32(b[offAlignment:]),
		Relocatable: b[offRelocatable] != 0,
		InitrdMax:   le.Uint32(b[offInitrdMax:]),
		CmdlineSize: le.Uint32(b[offCmdlineSize:]),
		PayloadSize: uint64(le.Uint32(b[offPayloadLen:])),
		raw:         headerBytes(b),
	}
	h.PayloadOffset = h.SetupSize + uint64(le.Uint32(b[offPayload:]))
	if err := h.checkProtocol(b); err != nil {
		return nil, err
	}
	return h, h.checkSizes(size)
}

// headerBytes cuts out what the jump instruction says is the header.
func headerBytes(b []byte) []byte {
	end := min(offMagic+int(b[offJump]), maxHeaderEnd)
	return b[offSetupSects:end]
}

func (h *Header) checkProtocol(b []byte) error {
	le := binary.LittleEndian
	unsupported := func(format string, args ...any) error {
		return &boot.FormatError{Kind: boot.ErrUnsupported, What: fmt.Sprintf(format, args...), Remedy: "use a 64-bit kernel of Linux 3.8 or newer"}
	}
	switch {
	case le.Uint16(b[offBootFlag:]) != bootFlag:
		return corrupt("the bzImage has boot flag %#x instead of 0xaa55", le.Uint16(b[offBootFlag:]))
	case h.Version < minVersion:
		return unsupported("the bzImage speaks boot protocol %d.%02d and 2.12 is the oldest supported", h.Version>>8, h.Version&0xff)
	case b[offLoadflags]&loadedHigh == 0:
		return unsupported("the image is a zImage, loaded below 640 KiB")
	case le.Uint16(b[offXloadflags:])&xlfKernel64 == 0:
		return &boot.FormatError{Kind: boot.ErrWrongArch, What: "the bzImage is a 32-bit x86 kernel without a 64-bit entry point",
			Remedy: "pass an x86-64 kernel"}
	}
	return nil
}

func (h *Header) checkSizes(size uint64) error {
	switch {
	case h.SystemSize <= entry64Offset:
		return corrupt("the bzImage declares %d bytes of kernel code, too few for its entry point", h.SystemSize)
	case h.SetupSize+h.SystemSize > size:
		return truncated("bzImage", h.SetupSize+h.SystemSize, size)
	case h.PayloadOffset+h.PayloadSize > h.SetupSize+h.SystemSize:
		return corrupt("the bzImage's payload (%d bytes at %#x) reaches beyond its code, which ends at %#x",
			h.PayloadSize, h.PayloadOffset, h.SetupSize+h.SystemSize)
	case h.InitSize < h.SystemSize:
		return corrupt("the bzImage needs %d bytes of memory by its own word and has %d bytes of code", h.InitSize, h.SystemSize)
	case h.Relocatable && (h.Alignment == 0 || h.Alignment&(h.Alignment-1) != 0):
		return corrupt("the bzImage declares an alignment of %#x, which is no power of two", h.Alignment)
	case h.PrefAddress < HighAddr || h.PrefAddress >= HoleAddr:
		return corrupt("the bzImage wants to be loaded at %#x, outside low memory", h.PrefAddress)
	}
	return nil
}

// kernelString reads the version string that the setup code holds.
func kernelString(img boot.Image, head []byte, setup uint64) string {
	off := uint64(binary.LittleEndian.Uint16(head[offKernelString:]))
	if off == 0 || off+0x200 >= setup {
		return ""
	}
	b := make([]byte, min(256, setup-off-0x200))
	if _, err := img.ReadAt(b, int64(off+0x200)); err != nil {
		return ""
	}
	for i, c := range b {
		if c < ' ' || c > '~' {
			return string(b[:i])
		}
	}
	return string(b)
}

func truncated(what string, want, have uint64) error {
	return &boot.FormatError{Kind: boot.ErrTruncated, What: fmt.Sprintf("the %s is truncated: it declares %d bytes and the file has %d", what, want, have),
		Remedy: "fetch or build it again"}
}

func corrupt(format string, args ...any) error {
	return &boot.FormatError{Kind: boot.ErrCorrupt, What: fmt.Sprintf(format, args...), Remedy: "fetch or build it again"}
}
