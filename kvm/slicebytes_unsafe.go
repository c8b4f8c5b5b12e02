//go:build s390x

package kvm

import "unsafe"

// sliceBytes is a slice of values as bytesOf takes them, as bytes, in place.
func sliceBytes[T any](list []T) []byte {
	// SAFETY: as in bytesOf; the slice covers the elements that there are.
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(list))), uintptr(len(list))*unsafe.Sizeof(*new(T)))
}
