package kvm

import "unsafe"

// asBytes is the memory of numbers.
func asBytes(words []uint64) []byte {
	// SAFETY: it is as long as the words are, and any bytes are numbers.
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), 8*len(words))
}
