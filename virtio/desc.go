package virtio

import "encoding/binary"

// desc is a descriptor (section 2.7.5), as copied from guest memory.
type desc struct {
	addr  uint64
	size  uint32
	flags uint16
	next  uint16
}

const descSize = 16

// Flags of a descriptor.
const (
	descNext     = 1 << 0
	descWrite    = 1 << 1 // the device writes it
	descIndirect = 1 << 2
)

func decodeDesc(b *[descSize]byte) desc {
	return desc{
		addr:  binary.LittleEndian.Uint64(b[0:]),
		size:  binary.LittleEndian.Uint32(b[8:]),
		flags: binary.LittleEndian.Uint16(b[12:]),
		next:  binary.LittleEndian.Uint16(b[14:]),
	}
}

// table is a table of descriptors: a queue's own or an indirect one.
type table struct {
	addr uint64
	size uint32 // descriptors
}

// read copies a descriptor, by way of b.
func (t table) read(mem Memory, i uint16, b *[descSize]byte) (desc, error) {
	if uint32(i) >= t.size {
		return desc{}, broken("descriptor %d of a table of %d", i, t.size)
	}
	if _, err := mem.ReadAt(b[:], int64(t.addr+uint64(i)*descSize)); err != nil {
		return desc{}, broken("descriptor %d: %v", i, err)
	}
	return decodeDesc(b), nil
}

// indirect returns the table that d refers to.
func (d desc) indirect() (table, error) {
	switch {
	case d.flags&descNext != 0:
		return table{}, broken("an indirect descriptor that has a next one")
	case d.size == 0 || d.size%descSize != 0:
		return table{}, broken("an indirect table of %d bytes: want a multiple of %d", d.size, descSize)
	case d.size/descSize > MaxChain:
		return table{}, broken("an indirect table of %d descriptors: want at most %d", d.size/descSize, MaxChain)
	}
	return table{d.addr, d.size / descSize}, nil
}
