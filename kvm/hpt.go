package kvm

import (
	"encoding/binary"
	"iter"
)

// HPTE is one entry of the hashed page table of a ppc64le guest: the two
// doublewords that the Power ISA describes.
type HPTE struct {
	V uint64 // virtual address and the valid bit
	R uint64 // real address and protection
}

// HPTChunk is a run of entries of a guest's hashed page table, as KVM gives and
// takes it: valid ones, and then invalid ones.
type HPTChunk struct {
	Index   uint32 // of the first entry in the table
	Valid   []HPTE // at most 65535
	Invalid uint16 // how many invalid entries follow the valid ones
}

const (
	hptHeaderSize = 8  // struct kvm_get_htab_header
	hpteSize      = 16 // big-endian, whatever the host is
)

// HPTChunks goes through what was read from a guest's hashed page table, or what
// is to be written to one. It ends with an error at a chunk that is cut off.
func HPTChunks(stream []byte) iter.Seq2[HPTChunk, error] {
	return func(yield func(HPTChunk, error) bool) {
		for at := 0; at < len(stream); {
			n, err := hptChunkSize(stream[at:], at)
			if err != nil {
				yield(HPTChunk{}, err)
				return
			}
			if !yield(decodeHPTChunk(stream[at:at+n]), nil) {
				return
			}
			at += n
		}
	}
}

// hptChunkSize is how many bytes the first chunk of b has. at is where b is in
// its stream.
func hptChunkSize(b []byte, at int) (int, error) {
	if len(b) < hptHeaderSize {
		return 0, invalid("hashed page table, byte %d: %d bytes are left, a header has %d", at, len(b), hptHeaderSize)
	}
	valid := int(binary.NativeEndian.Uint16(b[4:]))
	n := hptHeaderSize + valid*hpteSize
	if len(b) < n {
		return 0, invalid("hashed page table, byte %d: the header says %d valid entries, %d bytes, and %d bytes are left", at, valid, n, len(b))
	}
	return n, nil
}

// decodeHPTChunk decodes a chunk, of which b is all.
func decodeHPTChunk(b []byte) HPTChunk {
	c := HPTChunk{Index: binary.NativeEndian.Uint32(b), Invalid: binary.NativeEndian.Uint16(b[6:])}
	for e := b[hptHeaderSize:]; len(e) > 0; e = e[hpteSize:] {
		c.Valid = append(c.Valid, HPTE{V: binary.BigEndian.Uint64(e), R: binary.BigEndian.Uint64(e[8:])})
	}
	return c
}

// AppendHPTChunk appends a chunk to a stream that is to be written to a guest's
// hashed page table.
func AppendHPTChunk(stream []byte, c HPTChunk) ([]byte, error) {
	const most = 1<<16 - 1
	if len(c.Valid) > most {
		return stream, invalid("hashed page table: %d valid entries in one chunk, want at most %d", len(c.Valid), most)
	}
	stream = binary.NativeEndian.AppendUint32(stream, c.Index)
	stream = binary.NativeEndian.AppendUint16(stream, uint16(len(c.Valid)))
	stream = binary.NativeEndian.AppendUint16(stream, c.Invalid)
	for _, e := range c.Valid {
		stream = binary.BigEndian.AppendUint64(stream, e.V)
		stream = binary.BigEndian.AppendUint64(stream, e.R)
	}
	return stream, nil
}

// checkHPTStream refuses a stream that is not whole chunks: KVM would read past
// the end of one that is cut off by less than a header.
func checkHPTStream(stream []byte) error {
	for at := 0; at < len(stream); {
		n, err := hptChunkSize(stream[at:], at)
		if err != nil {
			return err
		}
		at += n
	}
	return nil
}
