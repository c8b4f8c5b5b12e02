//go:build amd64 || arm64 || riscv64 || loong64

package kvm

import (
	"fmt"
	"iter"
	"math/bits"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// EnableDirtyRings gives every vCPU a ring of entries for the pages that it
// dirties in slots with uapi.MemLogDirtyPages, in place of DirtyLog's bitmap, which
// then returns ENXIO. It must come before CreateVCPU, and once: EINVAL otherwise.
// entries is a power of two, at least as many as KVM keeps in reserve (which may
// be some hundreds: EINVAL) and fill a page. 4096 is a good number.
//
// There are two capabilities for the same rings: _ACQ_REL is for who orders
// accesses to the ring as weakly ordered processors need, as this package does
// everywhere. So that is what is enabled, and the other on kernels before 6.1. The
// one that was is returned.
//
// ioctl: KVM_ENABLE_CAP (vm) · cap: KVM_CAP_DIRTY_LOG_RING_ACQ_REL, KVM_CAP_DIRTY_LOG_RING · arch: x86, arm64, riscv, loongarch · since: Linux 5.11 · doc: virt/kvm/api.rst "KVM_CAP_DIRTY_LOG_RING"
func (vm *VM) EnableDirtyRings(entries int) (uapi.Cap, error) {
	c, limit, err := vm.dirtyRingCap()
	if err != nil {
		return 0, err
	}
	low, high := sys.PageSize()/dirtyEntrySize, limit/dirtyEntrySize
	if entries < low || entries > high || bits.OnesCount(uint(entries)) != 1 {
		return 0, invalid("%v: %d entries: want a power of two from %d to %d", c, entries, low, high)
	}
	unlock, err := vm.c().lockSlots(uapi.IoctlVMEnableCap)
	if err != nil {
		return 0, err
	}
	defer unlock()
	size := uint64(entries * dirtyEntrySize)
	if err := vm.EnableCap(c, size); err != nil {
		return 0, err
	}
	vm.c().dirty.bytes = size
	return c, nil
}

// dirtyRingCap returns the capability to enable and the largest ring in bytes.
func (vm *VM) dirtyRingCap() (uapi.Cap, int, error) {
	for _, c := range []uapi.Cap{uapi.CapDirtyLogRingAcqRel, uapi.CapDirtyLogRing} {
		if n, err := vm.CheckExtension(c); n != 0 || err != nil {
			return c, n, err
		}
	}
	return 0, 0, &UnsupportedError{Cap: uapi.CapDirtyLogRingAcqRel, MinKernel: "6.1"}
}

// EnableDirtyRingsWithBitmap makes KVM log in DirtyLog's bitmap what is dirtied
// by no vCPU, for which there is no ring: an arm64 ITS that saves its tables does
// so. It must come after EnableDirtyRings and before the first slot is filled:
// EINVAL otherwise. The bitmap is to be read after the vCPUs have stopped.
//
// ioctl: KVM_ENABLE_CAP (vm) · cap: KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP · arch: arm64 · since: Linux 6.2 · doc: virt/kvm/api.rst "KVM_CAP_DIRTY_LOG_RING"
func (vm *VM) EnableDirtyRingsWithBitmap() error {
	if err := vm.require(uapi.CapDirtyLogRingWithBitmap, "6.2"); err != nil {
		return err
	}
	return vm.EnableCap(uapi.CapDirtyLogRingWithBitmap)
}

// DirtyPage is a page that a vCPU dirtied.
type DirtyPage struct {
	Slot   uint32 // number, and address space in the high 16 bits
	Offset uint64 // pages from the start of the slot
}

// DirtyRing goes through the pages that the vCPU dirtied, in their order, and takes
// each from its ring when it yields it. It ends where the ring has no more, and at
// Close. It may be kept, and gone through again for what came since; from more
// than one goroutine each page goes to one of them. The vCPU may run meanwhile,
// but a processor may hold back some pages until the vCPU leaves the guest: Kick
// makes it.
//
// The guest's next write to a page is noticed only after ResetDirtyRings, which
// therefore comes before the page is read. A page may come more often than that,
// when KVM writes to it on the guest's behalf for one.
//
// api: ring at KVM_DIRTY_LOG_PAGE_OFFSET of the vCPU · cap: KVM_CAP_DIRTY_LOG_RING · arch: x86, arm64, riscv, loongarch · since: Linux 5.11 · doc: virt/kvm/api.rst "KVM_CAP_DIRTY_LOG_RING"
func (v *VCPU) DirtyRing() (iter.Seq[DirtyPage], error) {
	c := v.c()
	switch {
	case c.fd.Closed():
		return nil, opError(opName("dirty ring"), ErrClosed)
	case c.ring == nil:
		return nil, invalid("vCPU %d has no dirty ring: EnableDirtyRings comes before CreateVCPU", v.id)
	}
	return func(yield func(DirtyPage) bool) {
		// At most once around, so that there is an end while others reset it.
		for range c.ring.entries {
			p, ok := c.takeDirty()
			if !ok || !yield(p) {
				return
			}
		}
	}, nil
}

func (c *vcpuCore) takeDirty() (p DirtyPage, ok bool) {
	if _, open := c.fd.Acquire(); !open {
		return p, false
	}
	defer c.fd.Release()
	p.Slot, p.Offset, ok = c.ring.take()
	return p, ok
}

// DirtyPageGPA returns the guest-physical address of a page. It reports false
// when there is none, because the slot was emptied or has become smaller.
func (vm *VM) DirtyPageGPA(p DirtyPage) (gpa uint64, ok bool) {
	s := vm.c().vmState
	s.mu.Lock()
	defer s.mu.Unlock()
	held, page := s.slots[p.Slot], uint64(sys.PageSize())
	if held == nil || p.Offset >= held.size/page {
		return 0, false
	}
	return held.gpa + p.Offset*page, true
}

// ResetDirtyRings tells KVM which pages were taken from the rings, those of all
// vCPUs: their entries are free from then on, and the guest's next write to each
// of the pages is noticed again. It returns how many there were. (KVM stops early
// for a signal to this process; the call is repeated then.)
//
// ioctl: KVM_RESET_DIRTY_RINGS (vm) · cap: KVM_CAP_DIRTY_LOG_RING · arch: x86, arm64, riscv, loongarch · since: Linux 5.11 · doc: virt/kvm/api.rst "KVM_CAP_DIRTY_LOG_RING"
func (vm *VM) ResetDirtyRings() (int, error) {
	return vm.c().dirty.resetAll(func() (int, error) {
		return vmNumber(vm, uapi.IoctlVMResetDirtyRings, 0)
	})
}

// resetAll repeats call, which returns how many entries were reset, until all are
// that were collected when it began.
func (d *dirtyRings) resetAll(call func() (int, error)) (int, error) {
	const patience = 1000 // calls in a row that do nothing
	d.reset.Lock()
	defer d.reset.Unlock()
	total, idle, want := 0, 0, int(d.collected.Load())
	for {
		n, err := call()
		if err != nil {
			return total, err
		}
		total += n
		d.collected.Add(int64(-n))
		if n != 0 {
			idle = 0
		} else {
			idle++
		}
		switch {
		case total >= want:
			return total, nil
		case idle == patience:
			return total, fmt.Errorf("kvm: %v: KVM has reset %d of %d entries", uapi.IoctlVMResetDirtyRings, total, want)
		}
	}
}
