package device

// Devices of the Arm and RISC-V worlds have registers of 32 bits. A guest reaches
// them with accesses of any length at any offset; these functions divide them into
// registers. A register that is read is read once, whatever part of it is asked for.

// readWords fills p from the registers from offset on.
func readWords(offset uint64, p []byte, read func(register uint64) uint32) {
	for len(p) > 0 {
		v := read(offset &^ 3)
		n := min(len(p), int(4-offset%4))
		for i := range n {
			p[i] = byte(v >> (8 * (offset%4 + uint64(i))))
		}
		offset, p = offset+uint64(n), p[n:]
	}
}

// writeWords writes p to the registers from offset on. What an access does not
// cover of a register is written as zero.
func writeWords(offset uint64, p []byte, write func(register uint64, v uint32)) {
	for len(p) > 0 {
		n := min(len(p), int(4-offset%4))
		var v uint32
		for i := range n {
			v |= uint32(p[i]) << (8 * (offset%4 + uint64(i)))
		}
		write(offset&^3, v)
		offset, p = offset+uint64(n), p[n:]
	}
}

// primeCellSize is the number of addresses of Arm's PrimeCell devices, and
// primeCellID where the identification begins, a byte in each register.
const (
	primeCellSize = 0x1000
	primeCellID   = 0xfe0
)

// primeCellClass is the second half of the identification, which all have.
const primeCellClass = "\x0d\xf0\x05\xb1"

// identify returns an identification register of a PrimeCell with the given part.
func identify(part string, register uint64) uint32 {
	id := part + primeCellClass
	if i := (register - primeCellID) / 4; register >= primeCellID && i < uint64(len(id)) {
		return uint32(id[i])
	}
	return 0
}
