package blk

import (
	"errors"
	"io"
)

// Disk is what stands behind a device. Offsets and sizes are bytes. Its methods are
// called by several goroutines at a time, and never for anything beyond Size.
//
// A reset of the device waits for calls that are in progress: what a guest wrote
// must not arrive after what it writes next.
type Disk interface {
	io.ReaderAt
	io.WriterAt
	// Size is asked when the device is made and by Device.Resized.
	Size() int64
	// Flush makes every write that has returned last.
	Flush() error
}

// Discarder is a Disk that can forget. Without it the device offers no discarding.
type Discarder interface {
	// Discard says that the guest has no more use for what stands there. What is
	// read there afterwards is undefined, but must be the guest's own or zeros.
	// An error that is errors.ErrUnsupported means that it cannot, here.
	Discard(off, n int64) error
}

// ZeroWriter is a Disk that can write zeros without being handed them.
type ZeroWriter interface {
	// WriteZeroes makes the range read as zeros. It may give the space back if
	// unmap is set, and must not otherwise. For an error that is
	// errors.ErrUnsupported the device writes zeros with WriteAt.
	WriteZeroes(off, n int64, unmap bool) error
}

// Base is what can be read, of a fixed size.
type Base interface {
	io.ReaderAt
	Size() int64
}

// ErrReadOnly is returned for a write to a disk that is only read.
var ErrReadOnly = errors.New("virtio/blk: disk is read-only")

// readFull is ReadAt for a range that is all there: the end of the file right after
// it is no error, one before it is.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	switch {
	case n == len(p):
		return nil
	case err == nil || err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}
