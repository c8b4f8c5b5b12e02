package device

import "errors"

// ErrClosed is returned by operations of a device that was closed.
var ErrClosed = errors.New("device is closed")

// Device is a block of registers that a guest reads and writes, through port
// I/O or memory-mapped I/O.
//
// Offset counts bytes from the device's own base. p holds one access of one
// element, in the guest's byte order (little endian wherever this package
// interprets it), usually 1, 2, 4 or 8 bytes; a device must accept any length.
// offset+len(p) may exceed the block only when the device is called without a
// Bus in front of it. p belongs to the caller and is not kept.
//
// Both methods are called from several vCPU threads at once and must not block
// for long: the vCPU stands still until they return.
type Device interface {
	// Read fills all of p with what a read at offset gives.
	Read(offset uint64, p []byte)
	// Write performs a write of p at offset.
	Write(offset uint64, p []byte)
}

// Line is an interrupt line, active high. SetLevel is called when the level
// changes, never concurrently by one device, and must not call back into the
// device. For an edge-triggered interrupt the rising edge counts.
type Line interface {
	SetLevel(high bool) error
}

// Ignore is a device whose reads give all ones and whose writes do nothing:
// what a port that nobody answers does, but known and so not counted as
// unclaimed. A PC's delay port 0x80 is the usual place for it.
type Ignore struct{}

// Read fills p with ones.
func (Ignore) Read(_ uint64, p []byte) { fillOnes(p) }

// Write does nothing.
func (Ignore) Write(uint64, []byte) {}

func fillOnes(p []byte) {
	for i := range p {
		p[i] = 0xff
	}
}

// pin drives a Line and remembers its level, so that only changes are reported.
// Its owner's lock guards it.
type pin struct {
	line Line
	high bool
	err  error // the first failure
}

// set drives the line. A level that could not be set is tried again at the next
// call, since the guest would otherwise wait for an interrupt for ever.
func (p *pin) set(high bool) {
	if p.line == nil || p.high == high {
		return
	}
	if err := p.line.SetLevel(high); err != nil {
		if p.err == nil {
			p.err = err
		}
		return
	}
	p.high = high
}
