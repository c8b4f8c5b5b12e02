//go:build !kvmtrace

package sys

import (
	"syscall"
	"unsafe"
)

// What the recorder (trace_unsafe.go) is without its build tag: nothing. These
// are inlined away, which a test asks the compiler about.

func traceNumber(int, uintptr, uintptr, uintptr, syscall.Errno) {}

func tracePointer(int, uintptr, unsafe.Pointer, syscall.Errno) {}

// TraceOnce tells the recorder of an IoctlOnce, which is inlined itself only
// without that. Without the build tag kvmtrace it is nothing.
func TraceOnce(int, uintptr, syscall.Errno) {}

// TraceExit tells the recorder why KVM_RUN on a vCPU returned. Without the build tag
// kvmtrace it is nothing.
func TraceExit(*FD, uint32) {}
