// Package synth makes kernels for tests: correct to the letter where a loader
// looks, and nothing else. And guest memory to load them into.
package synth

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/klauspost/compress/zstd"

	"linuxkvm/boot"
)

var le = binary.LittleEndian

// Image is a flat kernel Image of a pattern.
type Image struct {
	Arch       boot.Arch
	TextOffset uint64
	ImageSize  uint64
	Flags      uint64
	// Content is the length of the file.
	Content int
	// PE puts headers of an EFI application into it, which declare the whole file.
	PE bool
}

// peAt is where the PE header stands, as in real kernels.
const peAt = 0x40

// Bytes returns the file.
func (i Image) Bytes() []byte {
	b := make([]byte, max(i.Content, 64))
	for n := range b {
		b[n] = byte(n*7 + n>>8)
	}
	clear(b[:64])
	copy(b, "MZ")
	le.PutUint64(b[8:], i.TextOffset)
	le.PutUint64(b[16:], i.ImageSize)
	le.PutUint64(b[24:], i.Flags)
	machine := uint16(0xaa64)
	switch i.Arch {
	case boot.RISCV64:
		machine = 0x5064
		le.PutUint32(b[32:], 2)
		copy(b[0x30:], "RISCV\x00\x00\x00RSC\x05")
	default:
		copy(b[0x38:], "ARM\x64")
	}
	if i.PE {
		i.pe(b, machine)
	}
	return b
}

// pe writes headers with one section, up to the end of the file.
func (i Image) pe(b []byte, machine uint16) {
	le.PutUint32(b[0x3c:], peAt)
	clear(b[peAt : peAt+24+40])
	copy(b[peAt:], "PE\x00\x00")
	le.PutUint16(b[peAt+4:], machine)
	le.PutUint16(b[peAt+6:], 1)
	section := b[peAt+24:]
	copy(section, ".text")
	le.PutUint32(section[16:], uint32(len(b)-1024))
	le.PutUint32(section[20:], 1024)
}

// ZBoot wraps a compressed Image into an EFI zboot application.
func ZBoot(arch boot.Arch, compression string, packed []byte) []byte {
	b := make([]byte, 4096)
	copy(b, "MZ\x00\x00zimg")
	le.PutUint32(b[8:], uint32(len(b)))
	le.PutUint32(b[12:], uint32(len(packed)))
	copy(b[0x18:], compression)
	le.PutUint32(b[0x3c:], peAt)
	copy(b[peAt:], "PE\x00\x00")
	machine := uint16(0xaa64)
	if arch == boot.RISCV64 {
		machine = 0x5064
	}
	le.PutUint16(b[peAt+4:], machine)
	b = append(b, packed...)
	return append(b, "behind the payload"...)
}

// Gzip compresses.
func Gzip(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Zstd compresses.
func Zstd(t testing.TB, b []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(b, nil)
}

// ErrOutside is what RAM says to an access of anything else.
var ErrOutside = errors.New("outside RAM")

const pageSize = 4096

// RAM is guest memory that fills on demand, so that gigabytes cost what is written.
type RAM struct {
	Range boot.Range
	// Written counts bytes.
	Written uint64
	// Forget keeps nothing, for fuzzing.
	Forget bool

	pages map[uint64]*[pageSize]byte
}

// NewRAM returns guest memory at a place.
func NewRAM(at boot.Range) *RAM { return &RAM{Range: at, pages: map[uint64]*[pageSize]byte{}} }

func (r *RAM) walk(n int, off int64, f func(page []byte, done int)) (int, error) {
	if off < 0 || !r.Range.Contains(boot.Range{Start: uint64(off), Size: uint64(n)}) {
		return 0, ErrOutside
	}
	for done := 0; done < n; {
		at := uint64(off) + uint64(done)
		p := r.pages[at/pageSize]
		if p == nil {
			p = new([pageSize]byte)
			r.pages[at/pageSize] = p
		}
		part := p[at%pageSize:]
		part = part[:min(len(part), n-done)]
		f(part, done)
		done += len(part)
	}
	return n, nil
}

// ReadAt reads.
func (r *RAM) ReadAt(b []byte, off int64) (int, error) {
	return r.walk(len(b), off, func(p []byte, done int) { copy(b[done:], p) })
}

// WriteAt writes.
func (r *RAM) WriteAt(b []byte, off int64) (int, error) {
	r.Written += uint64(len(b))
	if r.Forget && off >= 0 && r.Range.Contains(boot.Range{Start: uint64(off), Size: uint64(len(b))}) {
		return len(b), nil
	}
	return r.walk(len(b), off, func(p []byte, done int) { copy(p, b[done:]) })
}

// Bytes returns a copy of a part.
func (r *RAM) Bytes(t testing.TB, at boot.Range) []byte {
	t.Helper()
	b := make([]byte, at.Size)
	if _, err := r.ReadAt(b, int64(at.Start)); err != nil {
		t.Fatalf("read %d bytes at %#x: %v", at.Size, at.Start, err)
	}
	return b
}
