package kvm

import "linuxkvm/uapi"

// Irqfd makes every signal of e an edge on a GSI of the in-kernel interrupt
// controller, without a call into KVM. What the GSI reaches is SetGSIRouting's to
// say. An EventFD is assigned at most once to a VM: EBUSY otherwise.
//
// ioctl: KVM_IRQFD (vm) · cap: KVM_CAP_IRQFD · arch: all but mips · since: Linux 2.6.32 · doc: virt/kvm/api.rst "KVM_IRQFD"
func (vm *VM) Irqfd(e *EventFD, gsi uint32) error {
	return vm.irqfd(e, nil, uapi.IRQFD{GSI: gsi})
}

// IrqfdResample is Irqfd for a level-triggered line: a signal of e raises the
// line and leaves it high; the guest's end of interrupt lowers it and signals
// resample, whose owner signals e again if its device still asks.
//
// ioctl: KVM_IRQFD (vm) · cap: KVM_CAP_IRQFD_RESAMPLE · arch: x86, arm64, ppc · since: Linux 3.7 · doc: virt/kvm/api.rst "KVM_IRQFD"
func (vm *VM) IrqfdResample(e, resample *EventFD, gsi uint32) error {
	if resample == nil {
		return invalid("%v: nil resample EventFD", uapi.IoctlVMIRQFD)
	}
	err := vm.irqfd(e, resample, uapi.IRQFD{GSI: gsi, Flags: uapi.IRQFDFlagResample})
	return explain(err, vm, uapi.CapIRQFDResample, "3.7")
}

// DeassignIrqfd undoes Irqfd and IrqfdResample. When it returns, no interrupt is
// delivered any more for signals of e.
//
// ioctl: KVM_IRQFD (vm) · cap: KVM_CAP_IRQFD · arch: all but mips · since: Linux 2.6.32 · doc: virt/kvm/api.rst "KVM_IRQFD"
func (vm *VM) DeassignIrqfd(e *EventFD, gsi uint32) error {
	return vm.irqfd(e, nil, uapi.IRQFD{GSI: gsi, Flags: uapi.IRQFDFlagDeassign})
}

func (vm *VM) irqfd(e, resample *EventFD, arg uapi.IRQFD) error {
	const req = uapi.IoctlVMIRQFD
	err := e.with(req, func(fd int) error {
		arg.FD = uint32(fd)
		if resample == nil {
			return vmSet(vm, req, &arg)
		}
		return resample.with(req, func(fd int) error {
			arg.ResampleFD = uint32(fd)
			return vmSet(vm, req, &arg)
		})
	})
	return explain(err, vm, uapi.CapIRQFD, "2.6.32")
}
