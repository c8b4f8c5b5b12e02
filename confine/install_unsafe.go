package confine

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// filterAvailable asks for the newest thing that is needed: ending the process.
func filterAvailable() error {
	a := uint32(kill)
	// SAFETY: the kernel reads the four bytes during the call.
	_, _, errno := syscall.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&a)))
	if errno != 0 {
		return errno
	}
	return nil
}

// installFilter makes the kernel run the program before each system call of each
// thread. What it refuses is told to the kernel's log, as far as that takes it.
func installFilter(program []bpf.Instruction) error {
	raw, err := bpf.Assemble(program)
	if err != nil {
		return err
	}
	code := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		code[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	// The kernel takes the address of the instructions out of another structure, where
	// the garbage collector does not look.
	var pinner runtime.Pinner
	pinner.Pin(&code[0])
	defer pinner.Unpin()
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	const flags = unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_LOG
	// SAFETY: the kernel reads prog and the instructions during the call, and they are
	// as many as prog says.
	tid, _, errno := syscall.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
	switch {
	case errno != 0:
		return errno
	case tid != 0:
		return fmt.Errorf("thread %d has a filter of its own; whoever gave it one has to leave that to Process", tid)
	}
	return nil
}
