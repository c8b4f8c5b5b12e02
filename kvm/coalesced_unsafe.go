//go:build !s390x

package kvm

import (
	"unsafe"

	"linuxkvm/uapi"
)

// coalescedView is a page as the ring it is.
func coalescedView(page []byte) coalescedRing {
	const (
		header = unsafe.Sizeof(uapi.CoalescedMMIORing{})
		entry  = unsafe.Sizeof(uapi.CoalescedMMIO{})
	)
	p := unsafe.Pointer(unsafe.SliceData(page))
	ring := (*uapi.CoalescedMMIORing)(p)
	// SAFETY: the caller gives a whole page of the run area, and the entries that
	// fit behind the header end inside it. It stays mapped as long as the vCPU's
	// descriptor, which every use acquires first.
	entries := unsafe.Slice((*uapi.CoalescedMMIO)(unsafe.Add(p, header)), (uintptr(len(page))-header)/entry)
	return coalescedRing{first: &ring.First, last: &ring.Last, entries: entries}
}
