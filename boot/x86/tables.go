package x86

import (
	"encoding/binary"

	"linuxkvm/boot"
)

// gdtSize covers selectors 0 to 0x28: a 64-bit TSS descriptor takes two slots.
const gdtSize = 0x30

// writeGDT writes the descriptors that agree with the entry's segments, so a
// kernel that reloads a selector before it has its own table gets the same.
func writeGDT(m boot.Memory, e *Entry) error {
	var b [gdtSize]byte
	for _, s := range []Segment{e.CS, e.Data, e.TR} {
		binary.LittleEndian.PutUint64(b[s.Selector:], s.descriptor())
	}
	return boot.Write(m, e.GDTBase, b[:])
}

// descriptor packs the segment as an 8-byte GDT entry; its base is below 4 GiB.
func (s Segment) descriptor() uint64 {
	limit := uint64(s.Limit)
	if s.G != 0 {
		limit >>= 12
	}
	access := uint64(s.Type&0xf) | uint64(s.S&1)<<4 | uint64(s.DPL&3)<<5 | uint64(s.Present&1)<<7
	flags := uint64(s.AVL&1) | uint64(s.L&1)<<1 | uint64(s.DB&1)<<2 | uint64(s.G&1)<<3
	return limit&0xffff | s.Base&0xffffff<<16 | access<<40 | limit>>16&0xf<<48 | flags<<52 | s.Base>>24&0xff<<56
}

const (
	ptePresent  = 1 << 0
	pteWrite    = 1 << 1
	pteLarge    = 1 << 7
	largePage   = 2 << 20
	pageEntries = PageSize / 8
	identityPDs = 4
)

// writeIdentityMap maps the first 4 GiB one to one with 2 MiB pages, which every
// processor with long mode has (1 GiB pages are optional): one PML4, one page
// directory pointer table, four page directories.
func writeIdentityMap(m boot.Memory) error {
	b := make([]byte, (2+identityPDs)*PageSize)
	put := func(page, i int, v uint64) {
		binary.LittleEndian.PutUint64(b[page*PageSize+i*8:], v)
	}
	put(0, 0, PageTableAddr+PageSize|ptePresent|pteWrite)
	for pd := range identityPDs {
		put(1, pd, uint64(PageTableAddr+(2+pd)*PageSize)|ptePresent|pteWrite)
		for i := range pageEntries {
			put(2+pd, i, uint64(pd*pageEntries+i)*largePage|ptePresent|pteWrite|pteLarge)
		}
	}
	return boot.Write(m, PageTableAddr, b)
}
