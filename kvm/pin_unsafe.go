package kvm

import (
	"runtime"
	"unsafe"
)

// pinned calls do with the address of list's first element, or 0 for an empty
// list. The elements stay there for the call. T has no pointers.
func pinned[T any](list []T, do func(addr uint64) error) error {
	p := unsafe.SliceData(list)
	if p == nil {
		return do(0)
	}
	// SAFETY: the kernel is given the address as a number: the pin keeps the
	// elements there.
	var pin runtime.Pinner
	pin.Pin(p)
	defer pin.Unpin()
	return do(uint64(uintptr(unsafe.Pointer(p))))
}
