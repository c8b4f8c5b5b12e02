package kvm

// sigsetWords is the size of the kernel's sigset_t: MIPS has 128 signals.
const sigsetWords = 2
