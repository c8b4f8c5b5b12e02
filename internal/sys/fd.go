package sys

import (
	"golang.org/x/sys/unix"
)

// FD owns one file descriptor.
//
// It is safe for concurrent use. Close returns at once; the descriptor itself
// is closed when the last call that uses it has returned.
type FD struct {
	guard   Guard
	fd      int
	release func(fd int)
}

// NewFD takes ownership of fd. release destroys it and whatever belongs to
// it; nil means close(2).
func NewFD(fd int, release func(fd int)) *FD {
	return &FD{fd: fd, release: release}
}

// Acquire enters the descriptor and returns its number, which stays valid
// until Release. It reports false when the descriptor is closed.
func (f *FD) Acquire() (fd int, ok bool) {
	if !f.guard.Acquire() {
		return -1, false
	}
	return f.fd, true
}

// Release leaves the descriptor after Acquire.
func (f *FD) Release() {
	if f.guard.Release() {
		f.destroy()
	}
}

// Close refuses later calls and destroys the descriptor as soon as nobody is
// inside. Closing again does nothing. first is true for the call that closed.
func (f *FD) Close() (first bool) {
	first, destroy := f.guard.Close()
	if destroy {
		f.destroy()
	}
	return first
}

// Closed reports whether Close was called.
func (f *FD) Closed() bool { return f.guard.Closed() }

func (f *FD) destroy() {
	if f.release != nil {
		f.release(f.fd)
		return
	}
	CloseFD(f.fd)
}

// CloseFD closes a descriptor nobody else uses. The error of close(2) says
// nothing useful for the descriptors of this module: they hold no unwritten
// data, and the number is gone either way.
func CloseFD(fd int) { _ = unix.Close(fd) }
