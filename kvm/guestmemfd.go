package kvm

import (
	"math"
	"sync"

	"linuxkvm/internal/sys"
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// GuestMemfd is memory for one guest that the host reaches only as far as it is
// shared: a guest_memfd. It belongs to the VM that made it. It is safe for
// concurrent use.
//
// It keeps the kernel's VM, and so the memory in that VM's slots, until it and
// its mappings are closed.
type GuestMemfd struct {
	core *guestMemfdCore
}

type guestMemfdCore struct {
	fd          *sys.FD
	vm          *vmState
	size, flags uint64

	mu   sync.Mutex
	pins int // slots
}

// closedGuestMemfd stands for the one that a zero GuestMemfd has not: a closed one.
var closedGuestMemfd = &guestMemfdCore{vm: new(vmState)}

func (g *GuestMemfd) c() *guestMemfdCore {
	if g == nil || g.core == nil {
		return closedGuestMemfd
	}
	return g.core
}

// CreateGuestMemfd makes a guest_memfd of size bytes, a multiple of the page size.
// Its size cannot change, and its pages come when they are needed. flags are
// uapi.GuestMemfdFlagMmap, with which the host can map it, and
// GuestMemfdFlagInitShared, with which its pages are shared with the host from the
// start; CapGuestMemfdFlags, asked of the VM, has the flags that it takes.
//
// ioctl: KVM_CREATE_GUEST_MEMFD (vm) · cap: KVM_CAP_GUEST_MEMFD, KVM_CAP_GUEST_MEMFD_FLAGS · arch: x86, arm64 · since: Linux 6.8 · doc: virt/kvm/api.rst "KVM_CREATE_GUEST_MEMFD"
func (vm *VM) CreateGuestMemfd(size, flags uint64) (*GuestMemfd, error) {
	const req = uapi.IoctlVMCreateGuestMemfd
	if page := uint64(sys.PageSize()); size == 0 || size%page != 0 || size > math.MaxInt64 {
		return nil, invalid("%v: size %#x: want a multiple of the page size %#x, and neither 0 nor more than 2^63-1", req, size, page)
	}
	c := vm.c()
	// Holding the VM's descriptor keeps the VM there until the new one counts.
	if _, ok := c.fd.Acquire(); !ok {
		return nil, opError(req, ErrClosed)
	}
	defer c.fd.Release()
	fd, err := sys.CloseOnExec(func() (int, error) {
		return vmStatus(vm, req, &uapi.CreateGuestMemfd{Size: size, Flags: flags})
	})
	if err != nil {
		return nil, vm.explainGuestMemfd(err, flags)
	}
	return newGuestMemfd(c.vmState, fd, size, flags), nil
}

func (vm *VM) explainGuestMemfd(err error, flags uint64) error {
	if flags != 0 {
		err = explain(err, vm, uapi.CapGuestMemfdFlags, "6.18")
	}
	return explain(err, vm, uapi.CapGuestMemfd, "6.8")
}

func newGuestMemfd(vm *vmState, fd int, size, flags uint64) *GuestMemfd {
	vm.retainMemory()
	return &GuestMemfd{&guestMemfdCore{vm: vm, size: size, flags: flags, fd: sys.NewFD(fd, func(fd int) {
		sys.CloseFD(fd)
		vm.releaseMemory()
	})}}
}

// Size returns the size in bytes.
func (g *GuestMemfd) Size() uint64 { return g.c().size }

// Flags returns the flags it was made with.
func (g *GuestMemfd) Flags() uint64 { return g.c().flags }

// Close closes the descriptor. While a slot has it, that is refused with ErrInUse:
// empty the slot first, or close the VM, its vCPUs and its devices. What Map
// returned lives on. Closing again does nothing.
func (g *GuestMemfd) Close() error {
	c := g.c()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pins > 0 && !c.fd.Closed() {
		return ErrInUse
	}
	c.fd.Close()
	return nil
}

// Map maps all of it into this process: the same memory that the guest has. It
// must have been made with uapi.GuestMemfdFlagMmap and GuestMemfdFlagInitShared,
// since touching a private page would end this process.
//
// The address range (not the memory) of the Region stays reserved after its
// Close.
func (g *GuestMemfd) Map() (*memory.Region, error) {
	const want = uapi.GuestMemfdFlagMmap | uapi.GuestMemfdFlagInitShared
	c := g.c()
	if c.flags&want != want {
		return nil, invalid("map a guest_memfd with the flags %#x: it must be made with GuestMemfdFlagMmap and GuestMemfdFlagInitShared", c.flags)
	}
	fd, ok := c.fd.Acquire()
	if !ok {
		return nil, opError(opName("mmap of a guest_memfd"), ErrClosed)
	}
	defer c.fd.Release()
	m, err := sys.MapFile(fd, 0, uintptr(c.size))
	if err != nil {
		return nil, opError(opName("mmap of a guest_memfd"), err)
	}
	// The mapping keeps the file, and that the kernel's VM.
	c.vm.retainMemory()
	m.AfterDestroy(c.vm.releaseMemory)
	m.KeepRange()
	return memory.FromMapping(m), nil
}

// Allocate makes a range of it have its pages now rather than when the guest
// touches them. off and size are bytes and multiples of the page size.
func (g *GuestMemfd) Allocate(off, size uint64) error { return g.allocate(off, size, false) }

// PunchHole gives the pages of a range back: the guest and the host read zeros
// there, in new pages. off and size are bytes and multiples of the page size.
func (g *GuestMemfd) PunchHole(off, size uint64) error { return g.allocate(off, size, true) }

func (g *GuestMemfd) allocate(off, size uint64, punch bool) error {
	if err := g.checkRange(off, size); err != nil {
		return err
	}
	return opError(opName("fallocate of a guest_memfd"), g.c().fd.Allocate(int64(off), int64(size), punch))
}

func (g *GuestMemfd) checkRange(off, size uint64) error {
	page, end := uint64(sys.PageSize()), g.c().size
	if size == 0 || off%page != 0 || size%page != 0 {
		return invalid("guest_memfd: offset %#x and size %#x must be multiples of the page size %#x, and the size not 0", off, size, page)
	}
	if off > end || size > end-off {
		return invalid("guest_memfd: %#x bytes at offset %#x are outside of its %#x bytes", size, off, end)
	}
	return nil
}
