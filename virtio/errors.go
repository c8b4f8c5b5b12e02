package virtio

import (
	"errors"
	"fmt"
)

var (
	// ErrStopped is returned by Queue.Next when the driver has reset the device or
	// the machine has ended.
	ErrStopped = errors.New("virtio: queue stopped")
	// ErrBroken is wrapped by what a driver that breaks the rules of a queue
	// leads to. The device then needs a reset.
	ErrBroken = errors.New("virtio: driver broke the rules")
	// ErrShort is returned where a chain has fewer bytes than asked for.
	ErrShort = errors.New("virtio: chain too short")
)

// broken makes an error that wraps ErrBroken.
func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBroken, fmt.Sprintf(format, args...))
}
