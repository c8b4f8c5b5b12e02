// Package linux makes a Linux guest out of what a machine has: a kernel with its
// modules (the running host's, a package's, or a path's), and an initramfs with the
// modules that are needed and a first process of our own.
//
// The guest's first process is the program that starts it: importing this package is
// enough for that (see Hook in package internal/guestinit), and no file has to be
// installed beside it. The program has to be static, which CGO_ENABLED=0 makes it.
//
// A guest has what its Config asks for, a source of random numbers, and a balloon by
// which free memory goes back to the host. Directories of the host are shared, as the
// root or anywhere in it (Root, HostRoot, Volume): see package virtio/fs for what a guest
// can reach.
package linux

import "linuxkvm/internal/guestinit"

// In a guest, this is where the program stops being what it is on the host.
func init() { guestinit.Hook() }
