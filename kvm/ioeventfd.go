package kvm

import "linuxkvm/uapi"

// IOEvent says which writes of a guest signal an EventFD.
type IOEvent struct {
	Addr uint64 // guest-physical address, or I/O port when PIO
	PIO  bool   // amd64: port I/O
	// Len is the width of the write in bytes: 1, 2, 4 or 8, or 0 for any, which
	// is faster too.
	Len uint32
	// Match restricts the event to writes of the value Datamatch, which needs a
	// Len.
	Match     bool
	Datamatch uint64
	// VirtioCCW is for s390x: Addr is then the id of a virtio-ccw device and
	// Datamatch the number of its queue.
	VirtioCCW bool
}

func (at IOEvent) arg() uapi.Ioeventfd {
	arg := uapi.Ioeventfd{Addr: at.Addr, Len: at.Len, Datamatch: at.Datamatch}
	if at.PIO {
		arg.Flags |= uapi.IoeventfdFlagPIO
	}
	if at.Match {
		arg.Flags |= uapi.IoeventfdFlagDatamatch
	}
	if at.VirtioCCW {
		arg.Flags |= uapi.IoeventfdFlagVirtioCCWNotify
	}
	return arg
}

// IOEventfd makes guest writes signal e instead of leaving the guest to Run's
// caller, who does not see them any more. Reads are not affected.
//
// ioctl: KVM_IOEVENTFD (vm) · cap: KVM_CAP_IOEVENTFD · arch: all · since: Linux 2.6.32 · doc: virt/kvm/api.rst "KVM_IOEVENTFD"
func (vm *VM) IOEventfd(e *EventFD, at IOEvent) error {
	return vm.ioeventfd(e, at.arg())
}

// DeassignIOEventfd undoes IOEventfd with the same arguments.
//
// ioctl: KVM_IOEVENTFD (vm) · cap: KVM_CAP_IOEVENTFD · arch: all · since: Linux 2.6.32 · doc: virt/kvm/api.rst "KVM_IOEVENTFD"
func (vm *VM) DeassignIOEventfd(e *EventFD, at IOEvent) error {
	arg := at.arg()
	arg.Flags |= uapi.IoeventfdFlagDeassign
	return vm.ioeventfd(e, arg)
}

func (vm *VM) ioeventfd(e *EventFD, arg uapi.Ioeventfd) error {
	const req = uapi.IoctlVMIoeventfd
	err := e.with(req, func(fd int) error {
		arg.FD = int32(fd)
		return vmSet(vm, req, &arg)
	})
	if arg.Len == 0 {
		err = explain(err, vm, uapi.CapIoeventfdNoLength, "3.15")
	}
	return explain(err, vm, uapi.CapIoeventfd, "2.6.32")
}
