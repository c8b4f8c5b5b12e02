package x86

import (
	"bytes"
	"encoding/binary"
)

// notePVH is XEN_ELFNOTE_PHYS32_ENTRY.
const notePVH = 18

// pvhEntry finds the 32-bit entry point in the contents of the note segments.
func pvhEntry(notes [][]byte) (entry uint64, ok bool) {
	for _, b := range notes {
		for len(b) > 0 {
			var n note
			if n, b, ok = nextNote(b); !ok {
				break
			}
			if n.kind == notePVH && string(n.name) == "Xen" {
				return n.number()
			}
		}
	}
	return 0, false
}

// note is an ELF note: a name without its NUL and a descriptor.
type note struct {
	kind       uint32
	name, desc []byte
}

func nextNote(b []byte) (n note, rest []byte, ok bool) {
	const header = 12
	if len(b) < header {
		return n, nil, false
	}
	le := binary.LittleEndian
	nameSize, descSize := uint64(le.Uint32(b)), uint64(le.Uint32(b[4:]))
	n.kind = le.Uint32(b[8:])
	b = b[header:]
	if n.name, b, ok = field(b, nameSize); !ok {
		return n, nil, false
	}
	n.name = bytes.TrimRight(n.name, "\x00")
	n.desc, b, ok = field(b, descSize)
	return n, b, ok
}

// field cuts n bytes and their padding to a multiple of four off b. The padding
// of the last field may be missing.
func field(b []byte, n uint64) (f, rest []byte, ok bool) {
	if n > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n], b[min(uint64(len(b)), (n+3)&^3):], true
}

// number reads the descriptor, which is as wide as a pointer of the kernel.
func (n note) number() (uint64, bool) {
	switch len(n.desc) {
	case 4:
		return uint64(binary.LittleEndian.Uint32(n.desc)), true
	case 8:
		return binary.LittleEndian.Uint64(n.desc), true
	}
	return 0, false
}
