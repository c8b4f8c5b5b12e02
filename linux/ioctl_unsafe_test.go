package linux

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// ioctlRange does a request that takes an offset and a length.
func ioctlRange(fd uintptr, request uint, r [2]uint64) error {
	// SAFETY: BLKDISCARD and BLKZEROOUT read two numbers of 64 bits.
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, uintptr(request), uintptr(unsafe.Pointer(&r)))
	if errno != 0 {
		return errno
	}
	return nil
}
