//go:build ppc64le

package kvm

import (
	"sync/atomic"
	"unsafe"
)

// tcePointer is one entry of a TCE table in place.
type tcePointer struct{ p *uint64 }

func newTCEPointer(b []byte) tcePointer {
	// SAFETY: b is the 8 bytes of an entry, inside of a mapping that starts at a
	// page and stays while the caller has it.
	return tcePointer{(*uint64)(unsafe.Pointer(unsafe.SliceData(b)))}
}

func (t tcePointer) load() uint64     { return atomic.LoadUint64(t.p) }
func (t tcePointer) store(tce uint64) { atomic.StoreUint64(t.p, tce) }
