package boot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"linuxkvm/boot/payload"
)

// Format is the container of a kernel.
type Format uint8

// The containers Detect knows.
const (
	UnknownFormat Format = iota
	// BzImage is the x86 image with a setup header.
	BzImage
	// ELF is an executable: vmlinux.
	ELF
	// FlatImage is the Image of arm64, riscv and loongarch.
	FlatImage
	// ZBoot is an EFI application that carries a compressed Image.
	ZBoot
	// EFI is another EFI application, such as a unified kernel image.
	EFI
)

var formatNames = [...]string{"an unknown file", "a bzImage", "an ELF kernel", "an Image", "an EFI zboot image", "an EFI application"}

// String returns the name used in messages, with its article.
func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return fmt.Sprintf("format %d", uint8(f))
}

// Info is what Detect found.
type Info struct {
	// Format is the container, Arch the architecture of the kernel inside.
	Format Format
	Arch   Arch
	// Compression is what the container is wrapped in (vmlinux.gz, Image.gz),
	// or, of a ZBoot image, what its payload is compressed with.
	// payload.None means it lies open. It is not about the payload of a bzImage.
	Compression payload.Format
}

// String describes the kernel in a few words.
func (i Info) String() string {
	s := fmt.Sprintf("%v for %v", i.Format, i.Arch)
	if i.Compression != payload.None {
		s += fmt.Sprintf(", compressed with %v", i.Compression)
	}
	return s
}

// Check refuses a kernel of another architecture than want with ErrWrongArch.
func (i Info) Check(want Arch) error {
	if i.Arch == want {
		return nil
	}
	return &FormatError{Kind: ErrWrongArch, What: fmt.Sprintf("the kernel is %v and the guest is %v", i, want),
		Remedy: fmt.Sprintf("pass an %v kernel", want)}
}

// headSize is how many bytes Detect looks at, of the file and of what it
// decompresses to.
const headSize = 4096

// Detect tells what kind of kernel an image is, for any architecture, from its
// first bytes; it decompresses a few KiB where they are compressed. What is no
// kernel it refuses with a *FormatError that names what it seems to be. A
// kernel that is damaged further on passes: the loader finds that.
func Detect(img Image) (Info, error) {
	if img == nil {
		return Info{}, &FormatError{Kind: ErrNotKernel, What: "there is no kernel image", Remedy: "pass one"}
	}
	head, err := readHead(img)
	if err != nil {
		return Info{}, err
	}
	if len(head) == 0 {
		return Info{}, &FormatError{Kind: ErrNotKernel, What: "the kernel image is empty", Remedy: "fetch or build it again"}
	}
	if info, ok, err := detectOpen(head); ok || err != nil {
		return info, err
	}
	if f := payload.Identify(head); f != payload.Unknown {
		return detectCompressed(img, f)
	}
	return Info{}, notKernel(head, "the file")
}

func readHead(img Image) ([]byte, error) {
	head := make([]byte, headSize)
	n, err := img.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	return head[:n], nil
}

// detectOpen recognises containers that are not compressed.
func detectOpen(b []byte) (Info, bool, error) {
	switch {
	case hasAt(b, 0x202, "HdrS"):
		return Info{BzImage, bzArch(b), payload.None}, true, nil
	case hasAt(b, 0, "\x7fELF"):
		return detectELF(b)
	case hasAt(b, 0x38, "ARM\x64"):
		return Info{FlatImage, ARM64, payload.None}, true, nil
	case hasAt(b, 0x38, "RSC\x05") || hasAt(b, 0x30, "RISCV\x00"):
		return Info{FlatImage, RISCV64, payload.None}, true, nil
	case hasAt(b, 0, "MZ") && hasAt(b, 4, "zimg"):
		return detectZBoot(b)
	case hasAt(b, 0, "MZ") && hasAt(b, 0x38, "\xcd\x23\x82\x81"):
		return Info{FlatImage, LoongArch64, payload.None}, true, nil
	case hasAt(b, 0, "MZ"):
		return detectEFI(b)
	}
	return Info{}, false, nil
}

func hasAt(b []byte, off int, s string) bool {
	return len(b) >= off+len(s) && string(b[off:off+len(s)]) == s
}

// bzArch tells a 64-bit bzImage by the flag its newer headers have.
func bzArch(b []byte) Arch {
	if len(b) >= 0x238 && binary.LittleEndian.Uint16(b[0x206:]) >= 0x20c && b[0x236]&1 == 0 {
		return I386
	}
	return AMD64
}

func detectELF(b []byte) (Info, bool, error) {
	if len(b) < 20 {
		return Info{}, false, &FormatError{Kind: ErrTruncated, What: fmt.Sprintf("the ELF kernel has only %d bytes", len(b)), Remedy: "fetch or build it again"}
	}
	machine := binary.LittleEndian.Uint16(b[18:])
	if b[5] == 2 {
		machine = binary.BigEndian.Uint16(b[18:])
	}
	return Info{ELF, elfArch(machine, b[4]), payload.None}, true, nil
}

// minEFI is less than any EFI application has: a bzImage that ends before its
// setup header looks like one.
const minEFI = 1024

// detectEFI reads the machine from the PE header that an EFI application has.
func detectEFI(b []byte) (Info, bool, error) {
	if len(b) < minEFI {
		return Info{}, false, &FormatError{Kind: ErrTruncated, What: fmt.Sprintf("the kernel image is truncated: it has only %d bytes", len(b)),
			Remedy: "fetch or build it again"}
	}
	arch := UnknownArch
	pe := binary.LittleEndian.Uint32(b[0x3c:])
	if uint64(pe)+6 <= uint64(len(b)) && hasAt(b, int(pe), "PE\x00\x00") {
		arch = peArch(binary.LittleEndian.Uint16(b[pe+4:]))
	}
	return Info{EFI, arch, payload.None}, true, nil
}

// detectZBoot takes the architecture from the PE header and the compression
// from the name the image gives.
func detectZBoot(b []byte) (Info, bool, error) {
	info, ok, err := detectEFI(b)
	if err != nil {
		return info, ok, err
	}
	info.Format, info.Compression = ZBoot, payload.Unknown
	name, _, _ := bytes.Cut(b[0x18:0x38], []byte{0})
	for f := payload.Gzip; f <= payload.LZO; f++ {
		if string(name) == f.String() {
			info.Compression = f
		}
	}
	if string(name) == "zstd22" {
		info.Compression = payload.Zstd
	}
	return info, true, nil
}

// detectCompressed looks into a compressed file.
func detectCompressed(img Image, f payload.Format) (Info, error) {
	inner, err := decompressedHead(img, f)
	info, ok, openErr := detectOpen(inner)
	switch {
	case openErr != nil:
		return Info{}, openErr
	case !ok && err != nil:
		return Info{}, CompressionError(f, err)
	case !ok:
		return Info{}, notKernel(inner, fmt.Sprintf("the file, decompressed with %v,", f))
	}
	info.Compression = f
	return info, nil
}

// decompressLimit lets a decoder have the history it needs for the first bytes.
const decompressLimit = 1 << 20

// decompressedHead returns what it could decompress, also with an error. Data
// that is short is none.
func decompressedHead(img Image, f payload.Format) ([]byte, error) {
	r, err := payload.NewReader(f, io.NewSectionReader(img, 0, img.Size()), decompressLimit)
	if err != nil {
		return nil, err
	}
	head := make([]byte, headSize)
	n, err := io.ReadFull(r, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return head[:n], errors.Join(err, r.Close())
}

// CompressionError turns an error of package payload into a *FormatError; other
// errors pass.
func CompressionError(f payload.Format, err error) error {
	kind := ErrCorrupt
	switch {
	case errors.Is(err, payload.ErrUnsupported):
		return &FormatError{Kind: ErrUnsupported, Err: err, What: fmt.Sprintf("the kernel is compressed with %v", f), Remedy: "decompress it first"}
	case errors.Is(err, io.ErrUnexpectedEOF) && errors.Is(err, payload.ErrCorrupt):
		kind = ErrTruncated
	case !errors.Is(err, payload.ErrCorrupt) && !errors.Is(err, payload.ErrTooLarge):
		return err
	}
	return &FormatError{Kind: kind, Err: err, What: fmt.Sprintf("the kernel, compressed with %v, does not decompress", f), Remedy: "fetch or build it again"}
}
