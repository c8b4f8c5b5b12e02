package boot

import "io"

// Memory is guest RAM as a loader sees it: offsets are guest-physical
// addresses in bytes. A write that touches anything but RAM must fail and
// return an error.
type Memory interface {
	io.ReaderAt
	io.WriterAt
}

// Image is a file of known size that is read at random: a kernel, an initrd.
// *bytes.Reader, *io.SectionReader and the File of this package are Images.
type Image interface {
	io.ReaderAt
	// Size returns the length in bytes.
	Size() int64
}

// Range is a range of guest-physical addresses, in bytes.
type Range struct {
	Start uint64
	Size  uint64
}

// End returns the first address behind the range.
func (r Range) End() uint64 { return r.Start + r.Size }

// Empty reports whether the range holds no byte.
func (r Range) Empty() bool { return r.Size == 0 }

// Overlaps reports whether the two ranges share a byte.
func (r Range) Overlaps(o Range) bool {
	return r.Size > 0 && o.Size > 0 && r.Start < o.End() && o.Start < r.End()
}

// Contains reports whether o lies wholly inside r.
func (r Range) Contains(o Range) bool {
	return o.Start >= r.Start && o.Size <= r.Size && o.Start-r.Start <= r.Size-o.Size
}
