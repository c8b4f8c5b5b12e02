//go:build amd64

package kvm

import (
	"unsafe"

	"linuxkvm/uapi"
)

// xsave has KVM read or write the vCPU's extended state at state, which is as
// large as it is for req.
func (v *VCPU) xsave(req uapi.VCPUIoctl, state []byte) error {
	// SAFETY: the callers have made state as large as KVM says that it is.
	_, err := ioctlBuffer(v.c().fd, req, unsafe.Pointer(unsafe.SliceData(state)))
	return err
}
