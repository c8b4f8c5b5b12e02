//go:build kvmtrace

package sys

import (
	"syscall"
	"unsafe"
)

// The numbers of ioctls whose argument says something that is worth a record: the
// low half, which has the type and the number of an ioctl and is the same on every
// architecture.
const (
	nrCheckExtension = 0xae03
	nrEnableCap      = 0xaea3
	nrCreateDevice   = 0xaee0
	nrSetDeviceAttr  = 0xaee1
	nrHasDeviceAttr  = 0xaee3
)

// sizeofEnableCap tells KVM_ENABLE_CAP from KVM_GET_TSC_KHZ, which has the same
// number and no argument.
const sizeofEnableCap = 104

func traceNumber(fd int, request, arg, result uintptr, errno syscall.Errno) {
	e := event{fd: fd, request: request, errno: errno}
	if request&0xffff == nrCheckExtension {
		e.detail, e.value, e.yes = detailCap, uint32(arg), errno == 0 && result != 0
	}
	trace(e)
}

func tracePointer(fd int, request uintptr, p unsafe.Pointer, errno syscall.Errno) {
	e := event{fd: fd, request: request, errno: errno}
	// SAFETY, for each: the struct of that request begins with these words, and
	// the caller keeps it.
	word := func(i uintptr) uint32 { return *(*uint32)(unsafe.Add(p, 4*i)) }
	switch nr := request & 0xffff; {
	case nr == nrEnableCap && request>>16&0x1fff == sizeofEnableCap:
		e.detail, e.value = detailCap, word(0)
	case nr == nrCreateDevice:
		const testOnly = 1
		e.detail, e.value, e.yes = detailDevice, word(0), errno == 0 && word(2)&testOnly == 0
	case nr >= nrSetDeviceAttr && nr <= nrHasDeviceAttr:
		e.detail, e.value = detailGroup, word(1)
	}
	trace(e)
}

// TraceOnce tells the recorder of an IoctlOnce.
func TraceOnce(fd int, request uintptr, errno syscall.Errno) { traceNumber(fd, request, 0, 0, errno) }

// TraceExit tells the recorder why KVM_RUN on a vCPU returned.
func TraceExit(f *FD, reason uint32) { trace(event{fd: f.fd, detail: detailExit, value: reason}) }
