package x86

import (
	"bytes"
	"fmt"
	"io"

	"linuxkvm/boot"
)

// maxNotes bounds the bytes of notes that are kept; a kernel has below 1 KiB.
const maxNotes = 64 << 10

// copyBuffer is the host memory used to move segments.
const copyBuffer = 1 << 20

// load writes the segments to guest memory, reading the rest of the file from
// r, and returns the contents of the note segments. r stands where readELF left
// it. It reads no further than the last byte it needs. With zeroed, RAM
// reads as zeros already and the part of a segment without content in the
// file is left alone.
func (e *elfImage) load(m boot.Memory, r io.Reader, zeroed bool) ([][]byte, error) {
	s := &stream{r: io.MultiReader(bytes.NewReader(e.prefix), r)}
	notes, err := s.capture(e.notes)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, copyBuffer)
	for _, seg := range e.loads {
		if seg.filesz > 0 {
			if err := s.skip(seg.off, buf); err != nil {
				return nil, err
			}
			if err := boot.CopyBuffer(m, seg.paddr, s, seg.filesz, buf); err != nil {
				return nil, err
			}
		}
		if !zeroed {
			if err := boot.Zero(m, seg.paddr+seg.filesz, seg.memsz-seg.filesz); err != nil {
				return nil, err
			}
		}
	}
	return notes, s.skip(s.need, buf)
}

// stream reads a file from front to back and keeps copies of some ranges.
type stream struct {
	r    io.Reader
	pos  uint64
	keep []kept
	need uint64 // end of the last range to keep
}

type kept struct {
	off uint64
	b   []byte
}

// capture arranges for the bytes of the given segments to be kept.
func (s *stream) capture(segs []elfSegment) ([][]byte, error) {
	var out [][]byte
	var total uint64
	for _, seg := range segs {
		if total += seg.filesz; total > maxNotes {
			return nil, corrupt("the ELF notes have %d bytes, more than any kernel's", total)
		}
		b := make([]byte, seg.filesz)
		out = append(out, b)
		s.keep = append(s.keep, kept{seg.off, b})
		s.need = max(s.need, seg.off+seg.filesz)
	}
	return out, nil
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	for _, k := range s.keep {
		k.take(s.pos, p[:n])
	}
	s.pos += uint64(n)
	return n, err
}

// take copies what p, which lies at pos, has of the range.
func (k kept) take(pos uint64, p []byte) {
	end := pos + uint64(len(p))
	if end <= k.off || pos >= k.off+uint64(len(k.b)) {
		return
	}
	if pos < k.off {
		copy(k.b, p[k.off-pos:])
	} else {
		copy(k.b[pos-k.off:], p)
	}
}

// skip reads up to offset to.
func (s *stream) skip(to uint64, buf []byte) error {
	for s.pos < to {
		n, err := s.Read(buf[:min(uint64(len(buf)), to-s.pos)])
		if err == io.EOF && s.pos < to {
			return &boot.FormatError{Kind: boot.ErrTruncated, Err: io.ErrUnexpectedEOF,
				What: fmt.Sprintf("the kernel is truncated: it ends at %d bytes and has content up to %d", s.pos, to), Remedy: "fetch or build it again"}
		}
		if err != nil && err != io.EOF {
			return err
		}
		_ = n
	}
	return nil
}
