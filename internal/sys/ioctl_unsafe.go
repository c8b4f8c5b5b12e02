package sys

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ioctl issues an ioctl whose argument is a number. It retries on EINTR: none
// of the ioctls that go through here is a wait that a caller would want to
// interrupt, and the Go runtime interrupts system calls at will.
func (f *FD) Ioctl(request, arg uintptr) (int, error) {
	fd, ok := f.Acquire()
	if !ok {
		return 0, ErrClosed
	}
	defer f.Release()
	for {
		r, _, errno := syscall.Syscall(unix.SYS_IOCTL, uintptr(fd), request, arg)
		if errno == unix.EINTR {
			continue
		}
		traceNumber(fd, request, arg, r, errno)
		if errno != 0 {
			return int(r), errno
		}
		return int(r), nil
	}
}

// IoctlBrief is Ioctl for a request that only looks something up. It must never
// sleep or wait in the kernel: the scheduler is not told of the call, which
// spares half of what Go adds to one so short.
func (f *FD) IoctlBrief(request, arg uintptr) (int, error) {
	fd, ok := f.Acquire()
	if !ok {
		return 0, ErrClosed
	}
	r, _, errno := syscall.RawSyscall(unix.SYS_IOCTL, uintptr(fd), request, arg)
	traceNumber(fd, request, arg, r, errno)
	f.Release()
	if errno != 0 {
		return int(r), errno
	}
	return int(r), nil
}

// IoctlPtr is Ioctl with a pointer argument. p must point to memory that is at
// least as large as the request says and that stays where it is for the call;
// addresses stored inside that memory are the caller's to keep alive.
func (f *FD) IoctlPtr(request uintptr, p unsafe.Pointer) (int, error) {
	fd, ok := f.Acquire()
	if !ok {
		return 0, ErrClosed
	}
	defer f.Release()
	for {
		// SAFETY: the conversion stands in the call expression, so p stays
		// alive and in place until the call returns.
		r, _, errno := syscall.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(p))
		if errno == unix.EINTR {
			continue
		}
		tracePointer(fd, request, p, errno)
		if errno != 0 {
			return int(r), errno
		}
		return int(r), nil
	}
}

// IoctlOnce issues an ioctl on a bare descriptor number, once: EINTR is
// returned. It enters the scheduler's system-call state, so a call that blocks
// for seconds holds up neither the garbage collector nor other goroutines.
func IoctlOnce(fd int, request, arg uintptr) (uintptr, syscall.Errno) {
	r, _, errno := syscall.Syscall(unix.SYS_IOCTL, uintptr(fd), request, arg)
	return r, errno
}
