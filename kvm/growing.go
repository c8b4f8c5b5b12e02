package kvm

import (
	"errors"
	"syscall"
)

// maxElements bounds what growing asks for, far beyond the kernel's own limits.
const maxElements = 1 << 16

// growing has call fill a buffer of the kernel's with room for n elements, and
// with more as long as KVM says E2BIG. call returns how many elements KVM says
// there are.
func growing[E any, B interface{ Entries() []E }](n int, newBuffer func(n int) B, call func(B) (int, error)) ([]E, error) {
	for {
		b := newBuffer(n)
		have, err := call(b)
		switch {
		case errors.Is(err, syscall.E2BIG) && n < maxElements:
			n = min(max(2*n, have), maxElements)
		case err != nil:
			return nil, err
		default:
			return b.Entries()[:min(max(have, 0), n)], nil
		}
	}
}
