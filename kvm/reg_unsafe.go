package kvm

import (
	"runtime"
	"unsafe"

	"linuxkvm/uapi"
)

// oneRegAt has KVM read or write the register at buf, whose size is the
// register's.
func (v *VCPU) oneRegAt(req uapi.VCPUIoctl, id uint64, buf []byte) error {
	// SAFETY: KVM is given the address as a number: the pin keeps buf there.
	p := unsafe.SliceData(buf)
	var pin runtime.Pinner
	pin.Pin(p)
	defer pin.Unpin()
	return vcpuSet(v, req, &uapi.OneReg{ID: id, Addr: uint64(uintptr(unsafe.Pointer(p)))})
}
