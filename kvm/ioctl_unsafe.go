package kvm

import (
	"fmt"
	"unsafe"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// request is an ioctl number typed by the kind of descriptor it belongs to.
type request interface {
	uapi.SystemIoctl | uapi.VMIoctl | uapi.VCPUIoctl | uapi.DeviceIoctl
	fmt.Stringer
}

// fdOf is a descriptor of the kind that takes requests of type R: another kind of
// request does not compile.
type fdOf[R request] struct{ *sys.FD }

// ioctlNumber issues an ioctl whose argument is a number, or that has none.
func ioctlNumber[R request](fd fdOf[R], req R, arg uintptr) (int, error) {
	n, err := fd.Ioctl(uintptr(req), arg)
	if err != nil {
		return n, opError(req, err)
	}
	return n, nil
}

// ioctlBrief is ioctlNumber for a request that never waits in the kernel.
func ioctlBrief[R request](fd fdOf[R], req R, arg uintptr) (int, error) {
	n, err := fd.IoctlBrief(uintptr(req), arg)
	if err != nil {
		return n, opError(req, err)
	}
	return n, nil
}

// ioctlStruct issues an ioctl on one fixed-size struct.
func ioctlStruct[R request, T any](fd fdOf[R], req R, p *T) (int, error) {
	if p == nil {
		// Not p itself: that would put every argument on the heap.
		return 0, invalid("%v: nil %T", req, (*T)(nil))
	}
	// SAFETY: T is the struct that the ioctl takes, which a test checks by the
	// size in the request number; IoctlPtr keeps it in place for the call.
	n, err := fd.IoctlPtr(uintptr(req), unsafe.Pointer(p))
	if err != nil {
		return n, opError(req, err)
	}
	return n, nil
}

// ioctlBuffer issues an ioctl on a struct with a trailing array. The caller has
// made the buffer as long as its header says.
func ioctlBuffer[R request](fd fdOf[R], req R, p unsafe.Pointer) (int, error) {
	// SAFETY: IoctlPtr keeps the buffer in place for the call.
	n, err := fd.IoctlPtr(uintptr(req), p)
	if err != nil {
		return n, opError(req, err)
	}
	return n, nil
}
