package kvm

import (
	"runtime"
	"unsafe"
)

// pinned calls do with the address of the bitmap, which stays there for the call.
func (b *DirtyBitmap) pinned(do func(addr uint64) error) error {
	// SAFETY: KVM is given the address as a number: the pin keeps the bytes
	// there. A bitmap without bytes has an address that KVM does not use.
	p := unsafe.SliceData(b.bytes)
	var pin runtime.Pinner
	if p != nil {
		pin.Pin(p)
	}
	defer pin.Unpin()
	return do(uint64(uintptr(unsafe.Pointer(p))))
}
