//go:build !s390x

package kvm

import (
	"iter"
	"math"
	"sync/atomic"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// CoalescedZone is a range of addresses whose writes KVM collects.
type CoalescedZone struct {
	Addr uint64 // guest-physical address, or I/O port when PIO
	Size uint32 // bytes, or ports
	PIO  bool   // amd64: port I/O
}

// CoalescedWrite is a write of the guest that KVM collected.
type CoalescedWrite struct {
	Addr uint64  // guest-physical address, or I/O port when PIO
	Len  int     // bytes, 1 to 8
	PIO  bool    // port I/O
	Data [8]byte // what was written, in the first Len bytes
}

// Uint64 returns the data as a number, in the manner of [Data.Uint64].
func (w CoalescedWrite) Uint64() uint64 { return toUint64(w.Data[:min(max(w.Len, 0), 8)]) }

// RegisterCoalescedMMIO makes KVM collect the guest's writes to a zone in a ring
// instead of leaving the guest for each, as long as the ring has room. See
// [VCPU.CoalescedRing]. It is for writes whose effect can wait, to a frame buffer
// for one. Reads exit as ever, and a write that is not wholly inside.
//
// ioctl: KVM_REGISTER_COALESCED_MMIO (vm) · cap: KVM_CAP_COALESCED_MMIO, KVM_CAP_COALESCED_PIO · arch: all but s390 · since: Linux 2.6.27 · doc: virt/kvm/api.rst "KVM_REGISTER_COALESCED_MMIO"
func (vm *VM) RegisterCoalescedMMIO(zone CoalescedZone) error {
	return vm.coalescedZone(uapi.IoctlVMRegisterCoalescedMMIO, zone)
}

// UnregisterCoalescedMMIO ends it for every registered zone that the given one lies
// in. What is in the ring stays there.
//
// ioctl: KVM_UNREGISTER_COALESCED_MMIO (vm) · cap: KVM_CAP_COALESCED_MMIO, KVM_CAP_COALESCED_PIO · arch: all but s390 · since: Linux 2.6.27 · doc: virt/kvm/api.rst "KVM_UNREGISTER_COALESCED_MMIO"
func (vm *VM) UnregisterCoalescedMMIO(zone CoalescedZone) error {
	return vm.coalescedZone(uapi.IoctlVMUnregisterCoalescedMMIO, zone)
}

func (vm *VM) coalescedZone(req uapi.VMIoctl, zone CoalescedZone) error {
	if err := zone.check(req); err != nil {
		return err
	}
	arg := uapi.CoalescedMMIOZone{Addr: zone.Addr, Size: zone.Size}
	if zone.PIO {
		// Asked first: a kernel without it would take the port for an address.
		if err := vm.require(uapi.CapCoalescedPIO, "4.20"); err != nil {
			return err
		}
		arg.PIO = 1
	}
	return explain(vmSet(vm, req, &arg), vm, uapi.CapCoalescedMMIO, "2.6.27")
}

func (zone CoalescedZone) check(req uapi.VMIoctl) error {
	const ports = 1 << 16
	switch {
	case zone.Size == 0:
		return invalid("%v: a zone of 0 bytes at %#x", req, zone.Addr)
	case zone.PIO && (zone.Addr >= ports || uint64(zone.Size) > ports-zone.Addr):
		return invalid("%v: %#x ports from %#x on: want them below %#x", req, zone.Size, zone.Addr, ports)
	case zone.Addr > math.MaxUint64-uint64(zone.Size):
		return invalid("%v: %#x bytes at GPA %#x wrap around", req, zone.Size, zone.Addr)
	}
	return nil
}

// CoalescedRing goes through the writes that KVM collected, in their order, and
// takes each from the ring when it yields it. It ends where the ring has no more,
// and at Close. It may be kept, and gone through again for what came since: best
// after every Run, before the exit is looked at, which came later than what is in
// the ring.
//
// The ring is the VM's, whichever of its vCPUs is asked, and CoalescedRing fails
// when the VM is closed. From more than one
// goroutine each write goes to one of them.
//
// api: ring in the vCPU's run area · cap: KVM_CAP_COALESCED_MMIO · arch: all but s390 · since: Linux 2.6.27 · doc: virt/kvm/api.rst "KVM_REGISTER_COALESCED_MMIO"
func (v *VCPU) CoalescedRing() (iter.Seq[CoalescedWrite], error) {
	c, vm := v.c(), v.vm.c().vmState
	page, err := v.coalescedPage()
	if err != nil {
		return nil, err
	}
	if _, ok := c.fd.Acquire(); !ok {
		return nil, opError(opName("coalesced ring"), ErrClosed)
	}
	defer c.fd.Release()
	ring, err := newCoalescedRing(c.area, page)
	if err != nil {
		return nil, err
	}
	return func(yield func(CoalescedWrite) bool) {
		// At most once around, so that there is an end while the guest goes on.
		for range ring.entries {
			w, ok := c.takeCoalesced(vm, ring)
			if !ok || !yield(w) {
				return
			}
		}
	}, nil
}

// coalescedPage returns the number of the page in the run area, 0 being struct
// kvm_run's.
func (v *VCPU) coalescedPage() (int, error) {
	page, err := v.vm.CheckExtension(uapi.CapCoalescedMMIO)
	switch {
	case err != nil:
		return 0, err
	case page == 0:
		return 0, &UnsupportedError{Cap: uapi.CapCoalescedMMIO, MinKernel: "2.6.27"}
	}
	return page, nil
}

// coalescedRing is the ring in place. KVM writes last and the entries, and this
// side writes first, one goroutine at a time.
type coalescedRing struct {
	first, last *uint32
	entries     []uapi.CoalescedMMIO
}

// newCoalescedRing finds the ring in a page of the run area. The caller has entered
// the vCPU.
func newCoalescedRing(area []byte, page int) (coalescedRing, error) {
	size := sys.PageSize()
	if page <= 0 || page >= len(area)/size {
		return coalescedRing{}, invalid("coalesced ring: KVM says that it is page %d of a run area of %d", page, len(area)/size)
	}
	ring := coalescedView(area[page*size : (page+1)*size])
	first, last := atomic.LoadUint32(ring.first), atomic.LoadUint32(ring.last)
	if n := uint32(len(ring.entries)); first >= n || last >= n {
		return coalescedRing{}, invalid("coalesced ring: it goes from %d to %d, and has %d entries", first, last, n)
	}
	return ring, nil
}

func (c *vcpuCore) takeCoalesced(vm *vmState, ring coalescedRing) (w CoalescedWrite, ok bool) {
	if _, open := c.fd.Acquire(); !open {
		return w, false
	}
	defer c.fd.Release()
	vm.coalesced.Lock()
	defer vm.coalesced.Unlock()
	return ring.take()
}

// take takes the oldest entry. Indexes that are not of the ring end it.
func (r coalescedRing) take() (w CoalescedWrite, ok bool) {
	n := uint32(len(r.entries))
	// The load of last orders the read of the entry after it, and the store to
	// first orders that before it.
	first, last := atomic.LoadUint32(r.first), atomic.LoadUint32(r.last)
	if first >= n || last >= n || first == last {
		return w, false
	}
	e := r.entries[first]
	atomic.StoreUint32(r.first, (first+1)%n)
	return CoalescedWrite{Addr: e.PhysAddr, Len: int(min(e.Len, uint32(len(e.Data)))), PIO: e.PIO != 0, Data: e.Data}, true
}
