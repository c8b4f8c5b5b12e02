package x86

import (
	"encoding/binary"
	"fmt"
	"io"
	"sort"

	"linuxkvm/boot"
)

// The ELF parser is our own because debug/elf is, by its own documentation, not
// hardened against hostile input, and because it wants random access: this
// one works on a stream, so that a payload is put in place while it is being
// decompressed.

const (
	elfHeaderSize  = 64
	progHeaderSize = 56
	// elfMaxPrefix bounds the file header with the program headers: 64 of them
	// and some slack are ten times what a kernel has.
	elfMaxPrefix = 8 << 10

	elfMachineX8664 = 62
	elfTypeExec     = 2
	elfTypeDyn      = 3

	ptLoad = 1
	ptNote = 4
)

// elfSegment is a program header. off and filesz are bytes of the file, paddr
// and memsz guest-physical.
type elfSegment struct {
	kind                      uint32
	off, filesz, paddr, memsz uint64
}

// elfImage is what of an ELF file matters to a loader.
type elfImage struct {
	prefix []byte // the first bytes of the file, up to the program headers' end
	loads  []elfSegment
	notes  []elfSegment
	span   boot.Range // from the lowest to the highest address of loads
}

// readELF reads the headers from the start of a file.
func readELF(r io.Reader) (*elfImage, error) {
	head := make([]byte, elfHeaderSize, elfMaxPrefix)
	if n, err := io.ReadFull(r, head); err != nil {
		return nil, shortRead("ELF header", elfHeaderSize, n, err)
	}
	off, count, err := checkELFHeader(head)
	if err != nil {
		return nil, err
	}
	end := off + uint64(count)*progHeaderSize
	if end > elfMaxPrefix {
		return nil, corrupt("the ELF program headers (%d at offset %#x) are not at the start of the file", count, off)
	}
	prefix := head[:end]
	if n, err := io.ReadFull(r, prefix[elfHeaderSize:]); err != nil {
		return nil, shortRead("ELF program headers", int(end), elfHeaderSize+n, err)
	}
	e := &elfImage{prefix: prefix}
	for i := range count {
		e.add(prefix[off+uint64(i)*progHeaderSize:])
	}
	return e, e.check()
}

func shortRead(what string, want, got int, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return truncated(what, uint64(want), uint64(got))
	}
	return err
}

// checkELFHeader returns where the program headers are and how many.
func checkELFHeader(b []byte) (off uint64, count uint16, err error) {
	le := binary.LittleEndian
	if string(b[:4]) != "\x7fELF" {
		return 0, 0, corrupt("the kernel has no ELF header")
	}
	typ, machine := le.Uint16(b[16:]), le.Uint16(b[18:])
	off, count = le.Uint64(b[32:]), le.Uint16(b[56:])
	switch {
	case b[4] != 2 || b[5] != 1 || machine != elfMachineX8664:
		return 0, 0, &boot.FormatError{Kind: boot.ErrWrongArch, What: "the ELF file is not an x86-64 one", Remedy: "pass an x86-64 kernel"}
	case typ != elfTypeExec && typ != elfTypeDyn:
		return 0, 0, &boot.FormatError{Kind: boot.ErrNotKernel, What: fmt.Sprintf("the ELF file has type %d, no executable (an object file or a kernel module?)", typ),
			Remedy: "pass vmlinux or a bzImage"}
	case le.Uint16(b[54:]) != progHeaderSize:
		return 0, 0, corrupt("the ELF program headers have %d bytes each instead of %d", le.Uint16(b[54:]), progHeaderSize)
	case off < elfHeaderSize || off > elfMaxPrefix:
		return 0, 0, corrupt("the ELF program headers are at offset %#x, not at the start of the file", off)
	}
	return off, count, nil
}

func (e *elfImage) add(b []byte) {
	le := binary.LittleEndian
	s := elfSegment{kind: le.Uint32(b), off: le.Uint64(b[8:]), paddr: le.Uint64(b[24:]), filesz: le.Uint64(b[32:]), memsz: le.Uint64(b[40:])}
	switch {
	case s.kind == ptLoad && s.memsz > 0:
		e.loads = append(e.loads, s)
	case s.kind == ptNote && s.filesz > 0:
		e.notes = append(e.notes, s)
	}
}

// maxFileOffset bounds offsets and sizes so that sums of two never overflow.
const maxFileOffset = 1 << 48

func (e *elfImage) check() error {
	if len(e.loads) == 0 {
		return &boot.FormatError{Kind: boot.ErrNotKernel, What: "the ELF file has no loadable segment", Remedy: "pass vmlinux or a bzImage"}
	}
	sort.SliceStable(e.loads, func(i, j int) bool { return e.loads[i].off < e.loads[j].off })
	lo, hi, fileEnd, total := ^uint64(0), uint64(0), uint64(0), uint64(0)
	for _, s := range e.loads {
		if s.filesz > s.memsz || max(s.off, s.memsz, s.paddr) >= maxFileOffset {
			return corrupt("an ELF segment (%#x bytes at offset %#x, %#x bytes at address %#x) is impossible", s.filesz, s.off, s.memsz, s.paddr)
		}
		if s.filesz > 0 && s.off < fileEnd {
			return corrupt("two ELF segments share bytes of the file at offset %#x", s.off)
		}
		fileEnd = max(fileEnd, s.off+s.filesz)
		lo, hi = min(lo, s.paddr), max(hi, s.paddr+s.memsz)
		total += s.memsz
	}
	// This bounds the work too: many segments could each clear all of RAM.
	if total > hi-lo {
		return corrupt("the ELF segments overlap: %#x bytes of them lie in %#x bytes of memory", total, hi-lo)
	}
	for _, s := range e.notes {
		if max(s.off, s.filesz) >= maxFileOffset {
			return corrupt("the ELF notes (%#x bytes at offset %#x) are impossible", s.filesz, s.off)
		}
	}
	e.span = boot.Range{Start: lo, Size: hi - lo}
	return nil
}

// fileSize returns how long the file must be for its segments and notes.
func (e *elfImage) fileSize() uint64 {
	var end uint64
	for _, s := range append(e.loads[:len(e.loads):len(e.loads)], e.notes...) {
		end = max(end, s.off+s.filesz)
	}
	return end
}
