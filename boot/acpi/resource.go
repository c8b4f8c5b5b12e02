package acpi

import "encoding/binary"

// Resource descriptors (ACPI 6.5, section 6.4), as a buffer of them is the
// value of _CRS.

// Interrupt modes of the extended interrupt descriptor.
const (
	irqConsumer = 1 << 0
	irqEdge     = 1 << 1 // else level
	irqLow      = 1 << 2 // else high
)

// resources encodes a resource template: the descriptors and an end tag whose
// checksum byte is zero, which means that there is none.
func resources(descriptors ...[]byte) []byte {
	return buffer(append(concat(descriptors...), 0x79, 0))
}

// ioPorts claims n ports at a fixed 16-bit address.
func ioPorts(port uint16, n byte) []byte {
	b := []byte{0x47, 1} // 16-bit decoding
	b = binary.LittleEndian.AppendUint16(b, port)
	b = binary.LittleEndian.AppendUint16(b, port)
	return append(b, 1, n)
}

// interrupt claims a GSI, active high.
func interrupt(gsi uint32, level bool) []byte {
	flags := byte(irqConsumer | irqEdge)
	if level {
		flags = irqConsumer
	}
	b := []byte{0x89, 6, 0, flags, 1}
	return binary.LittleEndian.AppendUint32(b, gsi)
}

// mmio claims a range of guest-physical addresses for reading and writing.
func mmio(addr, size uint64) []byte {
	if addr+size <= 1<<32 {
		b := []byte{0x86, 9, 0, 1}
		b = binary.LittleEndian.AppendUint32(b, uint32(addr))
		return binary.LittleEndian.AppendUint32(b, uint32(size))
	}
	return qwordMemory(addr, size)
}

// qwordMemory is the form for addresses above 4 GiB: a fixed range, consumed,
// not cacheable, read-write.
func qwordMemory(addr, size uint64) []byte {
	const minMaxFixed, readWrite = 0x0c, 1
	b := []byte{0x8a, 0x2b, 0, 0, minMaxFixed | 1, readWrite}
	for _, v := range []uint64{0, addr, addr + size - 1, 0, size} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}
