package payload

import (
	"bytes"
	"errors"
	"fmt"
)

// Format is a compression format.
type Format uint8

// The formats of Linux kernel payloads.
const (
	Unknown Format = iota
	None           // an ELF file, not compressed
	Gzip
	Bzip2
	LZMA
	XZ
	LZ4 // the legacy frame of "lz4 -l"
	Zstd
	LZO
)

var names = [...]string{"unknown", "none", "gzip", "bzip2", "lzma", "xz", "lz4", "zstd", "lzo"}

// String returns the name the kernel's build uses, in lower case.
func (f Format) String() string {
	if int(f) < len(names) {
		return names[f]
	}
	return fmt.Sprintf("format %d", uint8(f))
}

// Fast reports whether decompressing here costs less than a guest spends on
// it: Gzip, LZ4 and Zstd. The decoders of the others are several times slower
// than the kernel's own.
func (f Format) Fast() bool { return f == None || f == Gzip || f == LZ4 || f == Zstd }

// ErrUnsupported is returned for a format, or an option of one, that this
// package cannot decompress; the kernel's own decompressor can.
var ErrUnsupported = errors.New("unsupported compression")

// ErrCorrupt is returned for a stream that does not decompress.
var ErrCorrupt = errors.New("corrupt compressed data")

// ErrTooLarge is returned when a stream decompresses to more than the limit.
var ErrTooLarge = errors.New("decompressed data exceeds the limit")

var magics = []struct {
	f Format
	m []byte
}{
	{None, []byte("\x7fELF")},
	{Gzip, []byte{0x1f, 0x8b}},
	{Bzip2, []byte("BZh")},
	{XZ, []byte{0xfd, '7', 'z', 'X', 'Z', 0}},
	{LZ4, []byte{0x02, 0x21, 0x4c, 0x18}},
	{Zstd, []byte{0x28, 0xb5, 0x2f, 0xfd}},
	{LZO, []byte{0x89, 'L', 'Z', 'O', 0, 0x0d, 0x0a, 0x1a, 0x0a}},
}

// Identify tells the format from the first bytes of a stream; 13 are enough.
// LZMA has no magic number: a plausible header is taken for one.
func Identify(head []byte) Format {
	for _, m := range magics {
		if bytes.HasPrefix(head, m.m) {
			return m.f
		}
	}
	if plausibleLZMA(head) {
		return LZMA
	}
	return Unknown
}

// plausibleLZMA accepts lc=3 lp=0 pb=2, a dictionary that is a power of two of
// 64 KiB or more, and a size that is unknown or below 4 GiB: what the kernel's
// build makes, and hardly anything else.
func plausibleLZMA(h []byte) bool {
	if len(h) < 13 || h[0] != 0x5d {
		return false
	}
	dict := uint32(h[1]) | uint32(h[2])<<8 | uint32(h[3])<<16 | uint32(h[4])<<24
	if dict < 1<<16 || dict&(dict-1) != 0 {
		return false
	}
	unknown := bytes.Equal(h[5:13], bytes.Repeat([]byte{0xff}, 8))
	return unknown || bytes.Equal(h[9:13], make([]byte, 4))
}
