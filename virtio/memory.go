package virtio

import (
	"io"

	"linuxkvm/memory"
)

// Memory is guest memory: addresses are guest-physical. The words are read and
// written atomically and in order with each other (sequentially consistent), and
// are little endian. A *memory.Space is one, on the architectures that this
// package's users have, all of them little endian.
type Memory interface {
	io.ReaderAt
	io.WriterAt
	LoadUint16(gpa uint64) (uint16, error)
	StoreUint16(gpa uint64, v uint16) error
	StoreUint32(gpa uint64, v uint32) error
	// Preadv and Pwritev move bytes between a file and ranges of memory without a copy
	// between, in the manner of preadv(2).
	Preadv(fd int, ranges []memory.Range, off int64) (int, error)
	Pwritev(fd int, ranges []memory.Range, off int64) (int, error)
}

var _ Memory = (*memory.Space)(nil)
