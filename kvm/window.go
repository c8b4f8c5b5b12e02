//go:build s390x || ppc64le

package kvm

import (
	"linuxkvm/internal/sys"
)

// window is memory of the kernel's that is mapped through a descriptor. Both
// go together, and keep the kernel's VM until they are gone.
type window struct {
	fd *sys.FD
	m  *sys.Mapping
}

// newWindow takes over fd and maps size bytes of it. The VM must be kept open by
// the caller meanwhile.
func newWindow(vm *VM, fd int, offset int64, size uint64) (window, error) {
	m, err := sys.MapFile(fd, offset, uintptr(size))
	if err != nil {
		sys.CloseFD(fd)
		return window{}, opError(opName("mmap"), err)
	}
	owner := vm.c().vmState
	owner.retain()
	return window{m: m, fd: sys.NewFD(fd, func(fd int) {
		m.Destroy()
		sys.CloseFD(fd)
		owner.release()
	})}, nil
}

// access calls do with n bytes at an offset, while the memory is sure to be there.
func (w window) access(off int64, n int, do func([]byte)) error {
	if _, ok := w.fd.Acquire(); !ok {
		return ErrClosed
	}
	defer w.fd.Release()
	size := int64(w.m.Size())
	if off < 0 || off > size || int64(n) > size-off {
		return invalid("%d bytes at offset %#x are outside of %#x bytes", n, off, size)
	}
	do(w.m.Bytes()[off : off+int64(n)])
	return nil
}
