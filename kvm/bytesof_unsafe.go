package kvm

import "unsafe"

// bytesOf is a value as bytes, in place. T is a number, an array of numbers or a
// struct of package uapi: no pointers, and no padding that is not a member.
func bytesOf[T any](p *T) []byte {
	// SAFETY: the slice covers the value and keeps it; any bytes are a value of T.
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p))
}
