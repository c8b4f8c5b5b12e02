// Package kmod finds a kernel's modules and the order in which to load them.
package kmod

// Module is a kernel module to load.
type Module struct {
	// Name is the module's, with underscores or dashes.
	Name string
	// Params are its parameters: "nested=1".
	Params string
	// Optional modules may be missing from the kernel or refuse to load.
	Optional bool
}
