//go:build amd64

package kvm

import "unsafe"

// structBytes is a struct of package uapi as bytes, in place: none has pointers.
func structBytes[T any](p *T) []byte {
	// SAFETY: the slice covers the struct and keeps it; any bytes are a value of
	// it, as its fields are numbers.
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p))
}

// bufferBytes is a buffer of package uapi, of n bytes, as bytes in place.
func bufferBytes(p unsafe.Pointer, n int) []byte {
	// SAFETY: p is what Pointer returns and n what Size does, of one buffer.
	return unsafe.Slice((*byte)(p), n)
}
