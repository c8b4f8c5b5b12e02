package acpi

import "encoding/binary"

// headerSize is the size of the header that all tables but the RSDP begin with.
const headerSize = 36

// The identification in every table: six bytes of vendor, eight of table.
const (
	oemID      = "LNXKVM"
	oemTableID = "MICROVM "
	creatorID  = "LKVM"
	revision   = 1
)

// newTable returns a table of size bytes with its header filled in but for the
// checksum.
func newTable(signature string, rev byte, size int) []byte {
	t := make([]byte, size)
	copy(t, signature)
	t[8] = rev
	copy(t[10:], oemID)
	copy(t[16:], oemTableID)
	binary.LittleEndian.PutUint32(t[24:], revision)
	copy(t[28:], creatorID)
	binary.LittleEndian.PutUint32(t[32:], revision)
	return t
}

// seal writes the length and the checksum that makes all bytes add up to zero.
func seal(t []byte) []byte {
	binary.LittleEndian.PutUint32(t[4:], uint32(len(t)))
	t[9] = 0
	t[9] = checksum(t)
	return t
}

func checksum(b []byte) byte {
	var sum byte
	for _, c := range b {
		sum += c
	}
	return -sum
}

// rsdp points to the XSDT and, for the ACPI 1.0 fields, to nothing.
func rsdp(xsdt uint64) []byte {
	b := make([]byte, rsdpSize)
	copy(b, "RSD PTR ")
	copy(b[9:], oemID)
	b[15] = 2
	binary.LittleEndian.PutUint32(b[20:], rsdpSize)
	binary.LittleEndian.PutUint64(b[24:], xsdt)
	b[8] = checksum(b[:20]) // what ACPI 1.0 covers
	b[32] = checksum(b)
	return b
}

const rsdpSize = 36

func xsdt(tables ...uint64) []byte {
	t := newTable("XSDT", 1, headerSize)
	for _, a := range tables {
		t = binary.LittleEndian.AppendUint64(t, a)
	}
	return seal(t)
}
