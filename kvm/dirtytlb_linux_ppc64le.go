package kvm

import (
	"math"

	"linuxkvm/uapi"
)

// DirtyTLB says which entries of the TLB that the vCPU shares with its caller have
// been changed; it comes before the next Run. entries has one bit for each entry,
// in the order of the shared array. Only embedded processors (e500) have such a
// TLB: it is ErrNotSupported on servers.
//
// ioctl: KVM_DIRTY_TLB (vcpu) · cap: KVM_CAP_SW_TLB · arch: ppc · since: Linux 3.2 · doc: virt/kvm/api.rst "KVM_DIRTY_TLB"
func (v *VCPU) DirtyTLB(entries *DirtyBitmap) error {
	const req = uapi.IoctlVCPUDirtyTLB
	if entries == nil || entries.Len() == 0 || entries.Len() > math.MaxUint32 {
		return invalid("%v: want a bitmap of 1 to 2^32-1 entries", req)
	}
	err := entries.pinned(func(addr uint64) error {
		return vcpuSet(v, req, &uapi.DirtyTLB{Bitmap: addr, NumDirty: uint32(entries.Count())})
	})
	return explain(err, v.vm, uapi.CapSWTLB, "")
}
