package memory

import (
	"errors"
	"fmt"

	"linuxkvm/internal/sys"
)

var (
	// ErrClosed is returned by every use of a closed Region or Space. It also
	// matches os.ErrClosed.
	ErrClosed = sys.ErrClosed
	// ErrInUse is returned by Close for a Region that stands in a Space or in
	// a slot of a VM: close those first.
	ErrInUse = fmt.Errorf("guest memory is %w", sys.ErrInUse)
	// ErrRange is wrapped by every access outside of RAM.
	ErrRange = errors.New("outside guest memory")
	// ErrAlign is wrapped by an atomic access that is not naturally aligned,
	// and by sizes and addresses that are not multiples of the page size.
	ErrAlign = errors.New("not aligned")
)

func rangeError(what string, off, n, size uint64) error {
	return fmt.Errorf("memory: %s %#x, %d bytes: %w of %#x bytes", what, off, n, ErrRange, size)
}
