package flat

import (
	"encoding/binary"
	"fmt"
	"io"

	"linuxkvm/boot"
	"linuxkvm/boot/payload"
)

// HeaderSize is the length of an Image's header in bytes.
const HeaderSize = 64

// Header is what an Image says about itself, as far as both architectures do.
type Header struct {
	// TextOffset is the distance in bytes of the load address from a 2 MiB
	// boundary at or below it.
	TextOffset uint64
	// Size is the memory in bytes that the kernel needs from its first byte on; the
	// file is shorter.
	Size uint64
}

// maxImage is more than any kernel has, and keeps sums of sizes from overflowing.
const maxImage = 1 << 40

// headBytes is how much of an Image is read to judge it: the header of the file
// and that of the PE file it is at the same time.
const headBytes = 4096

// Image is an Image that is ready to be copied.
type Image struct {
	Header Header
	// Compression is what it was wrapped in, payload.None if nothing.
	Compression payload.Format

	head []byte
	rest io.ReadCloser
	need uint64 // bytes the file has at least, as far as its headers tell
}

// Open finds the Image inside a kernel file and has parse judge its first
// HeaderSize bytes. limit is the most bytes that a compressed one may have: the
// guest's RAM, since decoders take host memory in proportion. The file must stay
// open until Close.
func Open(img boot.Image, arch boot.Arch, limit uint64, parse func(head []byte) (Header, error)) (*Image, error) {
	info, err := boot.Detect(img)
	if err != nil {
		return nil, err
	}
	if err := info.Check(arch); err != nil {
		return nil, err
	}
	i := &Image{Compression: info.Compression}
	if i.rest, err = open(img, info, limit); err != nil {
		return nil, err
	}
	if err := i.readHead(parse); err != nil {
		_ = i.Close() // the first error tells more
		return nil, err
	}
	return i, nil
}

// open returns a reader of the Image itself.
func open(img boot.Image, info boot.Info, limit uint64) (io.ReadCloser, error) {
	whole := io.NewSectionReader(img, 0, img.Size())
	switch {
	case info.Format == boot.FlatImage && info.Compression == payload.None:
		return io.NopCloser(whole), nil
	case info.Format == boot.FlatImage:
		return decompress(info.Compression, whole, limit)
	case info.Format == boot.ZBoot:
		part, err := zbootPayload(img)
		if err != nil {
			return nil, err
		}
		return decompress(info.Compression, part, limit)
	}
	return nil, &boot.FormatError{Kind: boot.ErrUnsupported, What: fmt.Sprintf("the kernel is %v", info),
		Remedy: "pass an Image, compressed or not, or an EFI zboot image (vmlinuz.efi)"}
}

// maxUnpacked is more than any kernel decompresses to.
const maxUnpacked = 1 << 30

func decompress(f payload.Format, src io.Reader, limit uint64) (io.ReadCloser, error) {
	r, err := payload.NewReader(f, src, int64(min(limit, maxUnpacked)))
	if err != nil {
		return nil, boot.CompressionError(f, err)
	}
	return r, nil
}

// zbootPayload returns the compressed part of an EFI zboot application.
func zbootPayload(img boot.Image) (*io.SectionReader, error) {
	var head [16]byte
	if _, err := img.ReadAt(head[:], 0); err != nil {
		return nil, fmt.Errorf("read the kernel: %w", err)
	}
	off, size := uint64(binary.LittleEndian.Uint32(head[8:])), uint64(binary.LittleEndian.Uint32(head[12:]))
	if have := uint64(img.Size()); size == 0 || off+size > have {
		return nil, &boot.FormatError{Kind: boot.ErrTruncated, Remedy: "fetch or build it again",
			What: fmt.Sprintf("the EFI zboot image declares %d bytes of payload at %#x and the file has %d", size, off, have)}
	}
	return io.NewSectionReader(img, int64(off), int64(size)), nil
}

// readHead reads and checks the header.
func (i *Image) readHead(parse func([]byte) (Header, error)) error {
	head := make([]byte, headBytes)
	n, err := io.ReadFull(i.rest, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return i.readError(err)
	}
	i.head = head[:n]
	if n < HeaderSize {
		return &boot.FormatError{Kind: boot.ErrTruncated, Remedy: "fetch or build it again",
			What: fmt.Sprintf("the kernel Image has %d bytes and its header alone has %d", n, HeaderSize)}
	}
	if i.Header, err = parse(i.head); err != nil {
		return err
	}
	if i.Header.Size < HeaderSize || i.Header.Size > maxImage {
		return &boot.FormatError{Kind: boot.ErrCorrupt, Remedy: "fetch or build it again",
			What: fmt.Sprintf("the kernel Image needs %d bytes of memory by its own word", i.Header.Size)}
	}
	i.need = sectionsEnd(i.head)
	return nil
}

// readError gives failures of decompression the errors of package boot.
func (i *Image) readError(err error) error {
	if i.Compression == payload.None {
		return fmt.Errorf("read the kernel: %w", err)
	}
	return boot.CompressionError(i.Compression, err)
}

// Close ends the use of the file.
func (i *Image) Close() error { return i.rest.Close() }

// copyChunk is the host memory that copying takes.
const copyChunk = 1 << 20

// copyTo writes the Image to guest memory at gpa. What a file has behind the
// kernel's own size, a signature for one, is left out.
func (i *Image) copyTo(m boot.Memory, gpa uint64) error {
	room := i.Header.Size
	first := i.head[:min(uint64(len(i.head)), room)]
	if err := boot.Write(m, gpa, first); err != nil {
		return err
	}
	done := uint64(len(first))
	buf := make([]byte, copyChunk)
	for {
		n, err := io.ReadFull(i.rest, buf)
		part := buf[:min(uint64(n), room-done)]
		if writeErr := boot.Write(m, gpa+done, part); writeErr != nil {
			return writeErr
		}
		done += uint64(len(part))
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return i.checkEnd(done)
		}
		if err != nil {
			return i.readError(err)
		}
	}
}

// checkEnd compares what was there with what the headers said.
func (i *Image) checkEnd(done uint64) error {
	if done >= min(i.need, i.Header.Size) {
		return nil
	}
	return &boot.FormatError{Kind: boot.ErrTruncated, Remedy: "fetch or build it again",
		What: fmt.Sprintf("the kernel Image ends after %d bytes and declares %d", done, i.need)}
}

// sectionsEnd returns where the last section of the PE file ends that an Image
// with an EFI stub is, 0 for one without: nothing else in it tells how long the
// file should be.
func sectionsEnd(b []byte) uint64 {
	le := binary.LittleEndian
	pe := uint64(le.Uint32(b[0x3c:]))
	if string(b[:2]) != "MZ" || pe+24 > uint64(len(b)) || string(b[pe:pe+4]) != "PE\x00\x00" {
		return 0
	}
	count, table := uint64(le.Uint16(b[pe+6:])), pe+24+uint64(le.Uint16(b[pe+20:]))
	end := uint64(0)
	for s := range count {
		at := table + s*40
		if at+40 > uint64(len(b)) {
			break
		}
		size, off := uint64(le.Uint32(b[at+16:])), uint64(le.Uint32(b[at+20:]))
		end = max(end, off+size)
	}
	return end
}
