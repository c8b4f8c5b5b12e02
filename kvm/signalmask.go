package kvm

import (
	"encoding/binary"
	"syscall"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// SetSignalMask replaces the thread's set of blocked signals for the time the
// vCPU is in Run: the given signals are blocked then and the others are not. A
// mask that blocks SIGURG is refused: Kick and Close need it, as do a Loop's
// context and the Go runtime.
//
// ioctl: KVM_SET_SIGNAL_MASK (vcpu) · cap: basic · arch: all · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_SET_SIGNAL_MASK"
func (v *VCPU) SetSignalMask(blocked ...syscall.Signal) error {
	set, err := signalSet(blocked)
	if err != nil {
		return err
	}
	b := uapi.NewSignalMaskBuffer(len(set))
	copy(b.Entries(), set)
	_, err = ioctlBuffer(v.c().fd, uapi.IoctlVCPUSetSignalMask, b.Pointer())
	return err
}

// ClearSignalMask undoes SetSignalMask: the thread's own set counts again.
//
// ioctl: KVM_SET_SIGNAL_MASK (vcpu) · cap: basic · arch: all · since: Linux 2.6.22 · doc: virt/kvm/api.rst "KVM_SET_SIGNAL_MASK"
func (v *VCPU) ClearSignalMask() error {
	_, err := vcpuNumber(v, uapi.IoctlVCPUSetSignalMask, 0)
	return err
}

// signalSet makes the kernel's sigset_t: one bit a signal, in words of the
// host's byte order.
func signalSet(signals []syscall.Signal) ([]byte, error) {
	var words [sigsetWords]uint64
	for _, s := range signals {
		switch {
		case s == sys.KickSignal:
			return nil, invalid("%v: blocking SIGURG would make Kick and Close wait for the guest", uapi.IoctlVCPUSetSignalMask)
		case s < 1 || s > 64*sigsetWords:
			return nil, invalid("%v: no signal has the number %d", uapi.IoctlVCPUSetSignalMask, int(s))
		}
		words[(s-1)/64] |= 1 << ((s - 1) % 64)
	}
	var set []byte
	for _, w := range words {
		set = binary.NativeEndian.AppendUint64(set, w)
	}
	return set, nil
}
