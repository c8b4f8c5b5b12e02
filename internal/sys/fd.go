package sys

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// FD owns one file descriptor.
//
// It is safe for concurrent use. Close returns at once; the descriptor itself
// is closed when the last call that uses it has returned.
//
// A nil FD is a closed one.
//
// An FD that nobody refers to any more is closed by the garbage collector.
// That is bound to the FD and not to what holds it, since every call keeps its
// FD alive until it has returned: no call can be cut off halfway because its
// caller did not need the holder afterwards.
type FD struct {
	*descriptor
}

// descriptor is what outlives the FD.
type descriptor struct {
	guard   Guard
	fd      int
	release func(fd int)
}

// NewFD takes ownership of fd. release destroys it and whatever belongs to
// it; nil means close(2). release must not refer to the FD itself, or the
// garbage collector never closes it.
func NewFD(fd int, release func(fd int)) *FD {
	f := &FD{&descriptor{fd: fd, release: release}}
	runtime.AddCleanup(f, func(d *descriptor) { d.close() }, f.descriptor)
	return f
}

// Acquire enters the descriptor and returns its number, which stays valid
// until Release. It reports false when the descriptor is closed.
func (f *FD) Acquire() (fd int, ok bool) {
	if f == nil || !f.guard.Acquire() {
		return -1, false
	}
	return f.fd, true
}

// Release leaves the descriptor after Acquire.
func (f *FD) Release() {
	if f.guard.Release() {
		f.destroy()
	}
	runtime.KeepAlive(f)
}

// Close refuses later calls and destroys the descriptor as soon as nobody is
// inside. Closing again does nothing. first is true for the call that closed.
func (f *FD) Close() (first bool) { return f != nil && f.close() }

func (d *descriptor) close() (first bool) {
	first, destroy := d.guard.Close()
	if destroy {
		d.destroy()
	}
	return first
}

// Closed reports whether Close was called.
func (f *FD) Closed() bool { return f == nil || f.guard.Closed() }

func (d *descriptor) destroy() {
	if d.release != nil {
		d.release(d.fd)
		return
	}
	CloseFD(d.fd)
}

// CloseFD closes a descriptor nobody else uses. The error of close(2) says
// nothing useful for the descriptors of this module: they hold no unwritten
// data, and the number is gone either way.
func CloseFD(fd int) { _ = unix.Close(fd) }
