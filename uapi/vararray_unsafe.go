//go:build linux

package uapi

import "unsafe"

// varArray is a struct H with the array of E that follows it, in one piece of
// memory. Generated types wrap it: H and E must hold no Go pointers, which the
// collector would not see there, so it is not for callers to choose them.
type varArray[H, E any] struct {
	words []uint64 // aligned as any of the structs needs
	n     int
}

func makeVarArray[H, E any](n int) varArray[H, E] {
	var h H
	var e E
	const maxBytes = 1 << 40
	if n < 0 || uint64(n) > (maxBytes-uint64(unsafe.Sizeof(h)))/uint64(unsafe.Sizeof(e)) {
		panic("uapi: length of a trailing array out of range")
	}
	bytes := int(unsafe.Sizeof(h)) + n*int(unsafe.Sizeof(e))
	// One word at least, so that there is something to point to.
	return varArray[H, E]{words: make([]uint64, max((bytes+7)/8, 1)), n: n}
}

// Header returns the struct at the start, in place.
func (v *varArray[H, E]) Header() *H {
	// SAFETY: the memory is at least as long as H and aligned to 8 bytes.
	return (*H)(v.Pointer())
}

// Entries returns the array, in place. Its length is the room there is, whatever
// the header says.
func (v *varArray[H, E]) Entries() []E {
	if v.n == 0 {
		return nil // a pointer behind the header would point at nothing of ours
	}
	var h H
	// SAFETY: the array starts where H ends, as the generator checked against C,
	// and there is room for n of E, as makeVarArray made it.
	return unsafe.Slice((*E)(unsafe.Add(v.Pointer(), unsafe.Sizeof(h))), v.n)
}

// Len returns for how many entries there is room.
func (v *varArray[H, E]) Len() int { return v.n }

// Size returns the bytes of the struct and its array together.
func (v *varArray[H, E]) Size() int {
	var h H
	var e E
	return int(unsafe.Sizeof(h)) + v.n*int(unsafe.Sizeof(e))
}

// Pointer returns the start, for an ioctl. The memory lives as long as the
// pointer or the buffer does.
func (v *varArray[H, E]) Pointer() unsafe.Pointer {
	// SAFETY: words is never empty.
	return unsafe.Pointer(unsafe.SliceData(v.words))
}
