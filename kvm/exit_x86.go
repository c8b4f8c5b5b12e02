package kvm

import "linuxkvm/uapi"

// IRQWindowOpen reports KVM_EXIT_IRQ_WINDOW_OPEN: the guest can take an
// interrupt, as RequestInterruptWindow asked to be told.
func (e Exit) IRQWindowOpen() bool { return e.is(uapi.ExitIRQWindowOpen) }

// SetTPRExit is KVM_EXIT_SET_TPR: the guest lowered its task priority and the
// interrupt controller is not in the kernel.
type SetTPRExit struct {
	CR8 uint64 // the new priority
}

// SetTPR returns the details of KVM_EXIT_SET_TPR. It sets nothing: it is named
// after the reason.
func (e Exit) SetTPR() SetTPRExit {
	page, ok := e.page(uapi.ExitSetTPR)
	if !ok {
		return SetTPRExit{}
	}
	defer e.done()
	return SetTPRExit{CR8: page.CR8}
}

// TPRAccessExit is KVM_EXIT_TPR_ACCESS: an instruction accesses the task
// priority register, as KVM_TPR_ACCESS_REPORTING asked to be told.
type TPRAccessExit struct {
	RIP   uint64 // guest-virtual address of the instruction
	Write bool
}

// TPRAccess returns the details of KVM_EXIT_TPR_ACCESS.
func (e Exit) TPRAccess() TPRAccessExit {
	d, _ := details(e, uapi.ExitTPRAccess, (*uapi.Run).TPRAccess)
	return TPRAccessExit{RIP: d.RIP, Write: d.IsWrite != 0}
}

// IOAPICEOIExit is KVM_EXIT_IOAPIC_EOI: with the split irqchip, the guest ended
// an interrupt that the caller's IOAPIC raised by level.
type IOAPICEOIExit struct {
	Vector uint8
}

// IOAPICEOI returns the details of KVM_EXIT_IOAPIC_EOI.
func (e Exit) IOAPICEOI() IOAPICEOIExit {
	d, _ := details(e, uapi.ExitIOAPICEOI, (*uapi.Run).EOI)
	return IOAPICEOIExit{Vector: d.Vector}
}

// MSRExit is KVM_EXIT_X86_RDMSR or KVM_EXIT_X86_WRMSR: the guest accesses a
// model-specific register that is left to the caller.
type MSRExit struct {
	Index  uint32 // the register
	Reason uint32 // why: uapi.MSRExitReasonInval, MSRExitReasonUnknown, MSRExitReasonFilter
	Data   uint64 // what the guest writes

	exit Exit
}

// X86RDMSR returns the details of KVM_EXIT_X86_RDMSR. The guest waits for
// SetData or Fail; without either it reads 0.
func (e Exit) X86RDMSR() MSRExit { return e.msr(uapi.ExitX86RDMSR) }

// X86WRMSR returns the details of KVM_EXIT_X86_WRMSR. Without Fail the write
// counts as done.
func (e Exit) X86WRMSR() MSRExit { return e.msr(uapi.ExitX86WRMSR) }

func (e Exit) msr(want uapi.ExitReason) MSRExit {
	d, ok := details(e, want, (*uapi.Run).MSR)
	if !ok {
		return MSRExit{}
	}
	x := MSRExit{Index: d.Index, Reason: d.Reason, exit: e}
	if want == uapi.ExitX86WRMSR {
		x.Data = d.Data
	}
	return x
}

// SetData is what the guest reads.
func (x MSRExit) SetData(v uint64) {
	answer(x.exit, uapi.ExitX86RDMSR, (*uapi.Run).MSR, func(d *uapi.RunMSR) { d.Data, d.Error = v, 0 })
}

// Fail makes the guest's instruction raise a general protection fault.
func (x MSRExit) Fail() {
	answer(x.exit, x.exit.reason, (*uapi.Run).MSR, func(d *uapi.RunMSR) { d.Error = 1 })
}

// X86BusLock reports KVM_EXIT_X86_BUS_LOCK: the guest took a bus lock. Other
// exits may carry the same news in Flags, as uapi.RunX86BusLock.
func (e Exit) X86BusLock() bool { return e.is(uapi.ExitX86BusLock) }

// NotifyExit is KVM_EXIT_NOTIFY: the guest ran for a whole notify window without
// a chance to be interrupted.
type NotifyExit struct {
	Flags uint32 // uapi.NotifyContextInvalid
}

// Notify returns the details of KVM_EXIT_NOTIFY.
func (e Exit) Notify() NotifyExit {
	d, _ := details(e, uapi.ExitNotify, (*uapi.Run).Notify)
	return NotifyExit{Flags: d.Flags}
}

// ContextInvalid reports whether the guest's state is lost, so that it cannot
// run on.
func (x NotifyExit) ContextInvalid() bool { return x.Flags&uapi.NotifyContextInvalid != 0 }

// XenExit is KVM_EXIT_XEN: the guest made a Xen hypercall.
type XenExit struct {
	Type     uint32 // uapi.ExitXenHcall; the rest belongs to it
	LongMode bool
	CPL      uint32 // privilege level of the caller
	Input    uint64 // the call
	Params   [6]uint64

	exit Exit
}

// Xen returns the details of KVM_EXIT_XEN.
func (e Exit) Xen() XenExit {
	d, ok := details(e, uapi.ExitXen, (*uapi.Run).Xen)
	if !ok {
		return XenExit{}
	}
	if d.Type != uapi.ExitXenHcall {
		return XenExit{Type: d.Type}
	}
	h := &d.U.Hcall
	return XenExit{Type: d.Type, LongMode: h.LongMode != 0, CPL: h.CPL, Input: h.Input, Params: h.Params, exit: e}
}

// SetResult is what the guest gets for the hypercall.
func (x XenExit) SetResult(v uint64) {
	answer(x.exit, uapi.ExitXen, (*uapi.Run).Xen, func(d *uapi.XenExit) { d.U.Hcall.Result = v })
}
