package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SetPolicy tells the kernel which NUMA nodes the pages of a range are to come
// from: mbind(2). off and size are bytes inside of the mapping, and nodes has bit
// n%64 of word n/64 set for node n.
func (m *Mapping) SetPolicy(off, size uintptr, policy int, nodes []uint64) error {
	// The kernel takes one bit less than it is told of.
	bits := uintptr(64*len(nodes) + 1)
	// SAFETY: the conversions stand in the call expression; the kernel reads the
	// nodes, and of the range it takes the numbers only.
	_, _, errno := syscall.Syscall6(unix.SYS_MBIND, uintptr(m.base)+off, size, uintptr(policy),
		uintptr(unsafe.Pointer(unsafe.SliceData(nodes))), bits, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
