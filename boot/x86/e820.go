package x86

import (
	"encoding/binary"

	"linuxkvm/boot"
)

// E820Type is the kind of a memory map entry, in the numbers that e820 and the
// PVH memory map share.
type E820Type uint32

// The kinds this package uses.
const (
	E820RAM      E820Type = 1
	E820Reserved E820Type = 2
	E820ACPI     E820Type = 3
)

// E820Entry is one entry of the memory map given to the kernel.
type E820Entry struct {
	boot.Range
	Type E820Type
}

// Map returns the memory map given to the kernel, by ascending address.
func (l Layout) Map() []E820Entry {
	low, high := l.Low(), l.High()
	m := []E820Entry{
		{boot.Range{Start: 0, Size: EBDAAddr}, E820RAM},
		{boot.Range{Start: EBDAAddr, Size: VGAAddr - EBDAAddr}, E820Reserved},
		{boot.Range{Start: ACPIAddr, Size: ACPIRoom}, E820Reserved},
		{boot.Range{Start: HighAddr, Size: low.Size - HighAddr}, E820RAM},
		// Linux accepts a PCI configuration window only where it is reserved.
		{boot.Range{Start: PCIConfigAddr, Size: PCIConfigSize}, E820Reserved},
		{boot.Range{Start: IdentityMapAddr, Size: 4 * PageSize}, E820Reserved},
	}
	if !high.Empty() {
		m = append(m, E820Entry{high, E820RAM})
	}
	return m
}

// e820Size is the packed size of an entry in boot_params.
const e820Size = 20

func putE820(b []byte, m []E820Entry) {
	for i, e := range m {
		p := b[i*e820Size:]
		binary.LittleEndian.PutUint64(p, e.Start)
		binary.LittleEndian.PutUint64(p[8:], e.Size)
		binary.LittleEndian.PutUint32(p[16:], uint32(e.Type))
	}
}

// memmapSize is the size of an hvm_memmap_table_entry.
const memmapSize = 24

func putMemmap(b []byte, m []E820Entry) {
	for i, e := range m {
		p := b[i*memmapSize:]
		binary.LittleEndian.PutUint64(p, e.Start)
		binary.LittleEndian.PutUint64(p[8:], e.Size)
		binary.LittleEndian.PutUint32(p[16:], uint32(e.Type))
	}
}
