package kvm

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// Where things are in the run area, in bytes.
const (
	sizeofRun       = int(unsafe.Sizeof(uapi.Run{}))
	offsetUnion     = uint64(unsafe.Offsetof(uapi.Run{}.Union))
	offsetMMIOData  = offsetUnion + uint64(unsafe.Offsetof(uapi.RunMMIO{}.Data))
	offsetIOCSRData = offsetUnion + uint64(unsafe.Offsetof(uapi.RunIOCSRIO{}.Data))
)

// immediateExit is the mask of kvm_run's immediate_exit inside the 32-bit word
// that holds it: sync/atomic has no bytes.
var immediateExit = binary.NativeEndian.Uint32([]byte{0, 1, 0, 0})

func runPage(m *sys.Mapping) *uapi.Run {
	// SAFETY: CreateVCPU has checked that the mapping is at least this large;
	// it stays mapped as long as the vCPU's descriptor, which every use of the
	// pointer acquires first.
	return (*uapi.Run)(m.Pointer())
}

func (c *vcpuCore) firstWord() *uint32 {
	// SAFETY: request_interrupt_window, immediate_exit and two bytes of padding
	// are the first four bytes of struct kvm_run, which is page-aligned.
	return (*uint32)(c.run.Pointer())
}

func (c *vcpuCore) setImmediateExit() { atomic.OrUint32(c.firstWord(), immediateExit) }

// clearImmediateExit looks first: it is set seldom, and the write is the dear
// part. Who sets it after the look is seen by KVM_RUN.
func (c *vcpuCore) clearImmediateExit() {
	if p := c.firstWord(); atomic.LoadUint32(p)&immediateExit != 0 {
		atomic.AndUint32(p, ^immediateExit)
	}
}
