package kvm

import (
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// heldSlot is what stands in a slot, and is kept for it.
type heldSlot struct {
	gpa, size uint64 // bytes
	region    *memory.Pin
	private   *guestMemfdPin // nil for none
}

// pin keeps what is to stand in the slot.
func (s *MemorySlot) pin(req uapi.VMIoctl) (*heldSlot, error) {
	region, err := s.Region.Pin()
	if err != nil {
		return nil, opError(req, err)
	}
	private, err := s.GuestMemfd.pin()
	if err != nil {
		region.Release()
		return nil, opError(req, err)
	}
	return &heldSlot{gpa: s.GPA, size: s.Size, region: region, private: private}, nil
}

// release lets go of everything. Of nothing, it does nothing.
func (h *heldSlot) release() {
	if h == nil {
		return
	}
	h.region.Release()
	h.private.release()
}

// releaseGuestMemfd lets go of what keeps the kernel's VM itself: the guest_memfd
// and a mapping of one. The kernel may know the slot for longer, and the address
// of that mapping with it; it is one that nobody else gets.
func (h *heldSlot) releaseGuestMemfd() {
	h.private.release()
	h.private = nil // so that the garbage collector can close what is forgotten
	if h.region.RangeKept() {
		h.region.Release()
	}
}
