//go:build !amd64

package host

// modules are none with a name of its own: KVM is part of the kernel, or one module
// for every processor.
var modules []Module
