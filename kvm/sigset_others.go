//go:build !mips64le

package kvm

// sigsetWords is the size of the kernel's sigset_t in 64-bit words.
const sigsetWords = 1
