// Package sys is the only place of this module that issues ioctl, mmap,
// eventfd and signal system calls, and the owner of every file descriptor and
// mapping the other packages use.
//
// Ownership follows one rule: a descriptor or mapping is destroyed once, by
// whoever leaves it last after Close was called. A [Guard] counts who is
// inside. So Close never pulls a descriptor number or an address range from
// under a call in progress, and no later call can reach a number or a range
// that the kernel has given to somebody else.
package sys
