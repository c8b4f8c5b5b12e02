package kvm

import (
	"sync"
	"sync/atomic"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// dirtyRings is what a VM knows of its vCPUs' dirty rings.
type dirtyRings struct {
	bytes uint64 // of one ring, 0 for none; under the VM's lock
	// collected counts the entries that were taken from the rings and that KVM
	// has not been told of.
	collected atomic.Int64
	reset     sync.Mutex // held by who tells it
}

// dirtyRing is the ring of one vCPU. It lives as long as the vCPU's descriptor.
type dirtyRing struct {
	mapping *sys.Mapping
	entries []uapi.DirtyGFN // a power of two of them
	rings   *dirtyRings

	mu   sync.Mutex
	next uint32 // the entry to look at, modulo their number
}

// mapRing maps the ring of a new vCPU, if the VM has rings. The vCPU is made
// before it is asked: KVM takes no rings from then on.
func (d *dirtyRings) mapRing(vm *vmState, fd int) (*dirtyRing, error) {
	vm.mu.Lock()
	bytes := d.bytes
	vm.mu.Unlock()
	if bytes == 0 {
		return nil, nil
	}
	m, err := sys.MapFile(fd, int64(uapi.DirtyLogPageOffset*sys.PageSize()), uintptr(bytes))
	if err != nil {
		return nil, err
	}
	return &dirtyRing{mapping: m, entries: dirtyEntries(m), rings: d}, nil
}

func (r *dirtyRing) destroy() {
	if r != nil {
		r.mapping.Destroy()
	}
}

// take takes the next entry that is dirty. The caller has entered the vCPU.
func (r *dirtyRing) take() (slot uint32, offset uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &r.entries[r.next%uint32(len(r.entries))]
	// The load orders the reads of the entry after it, and the store orders them
	// before it: sync/atomic is at least acquire and release.
	if atomic.LoadUint32(&e.Flags)&uapi.DirtyGFNFMask != uapi.DirtyGFNFDirty {
		return 0, 0, false
	}
	slot, offset = e.Slot, e.Offset
	atomic.StoreUint32(&e.Flags, uapi.DirtyGFNFReset)
	r.next++
	// Last, so that who resets never waits for an entry that is not marked yet.
	r.rings.collected.Add(1)
	return slot, offset, true
}
