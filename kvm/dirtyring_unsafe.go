package kvm

import (
	"unsafe"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

const dirtyEntrySize = int(unsafe.Sizeof(uapi.DirtyGFN{}))

// dirtyEntries is a mapping as the ring it is.
func dirtyEntries(m *sys.Mapping) []uapi.DirtyGFN {
	// SAFETY: the mapping is page-aligned and the entries end where it does; it
	// stays as long as the vCPU's descriptor, which every use acquires first.
	return unsafe.Slice((*uapi.DirtyGFN)(m.Pointer()), int(m.Size())/dirtyEntrySize)
}
