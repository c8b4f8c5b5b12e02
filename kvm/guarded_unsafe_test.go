package kvm

import (
	"unsafe"

	"linuxkvm/uapi"
)

// pageOf is the struct at the start of a run area.
func pageOf(area []byte) *uapi.Run {
	_ = area[sizeofRun-1]
	// SAFETY: the area is page-aligned, outlives the test's vCPU, and is long enough.
	return (*uapi.Run)(unsafe.Pointer(unsafe.SliceData(area)))
}
