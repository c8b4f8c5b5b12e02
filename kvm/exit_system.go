package kvm

import "linuxkvm/uapi"

// SystemEventExit is KVM_EXIT_SYSTEM_EVENT: the guest asked for something that
// concerns the whole machine, through firmware that KVM emulates (PSCI, SBI, SEV).
type SystemEventExit struct {
	Type  uint32     // uapi.SystemEventShutdown, SystemEventReset and the others
	NData uint32     // words of Data that are valid, at most 16
	Data  [16]uint64 // the first word is what kernels before 5.19 called flags
}

// SystemEvent returns the details of KVM_EXIT_SYSTEM_EVENT.
func (e Exit) SystemEvent() SystemEventExit {
	d, _ := details(e, uapi.ExitSystemEvent, (*uapi.Run).SystemEvent)
	return SystemEventExit{Type: d.Type, NData: min(d.Ndata, uint32(len(d.Data))), Data: d.Data}
}

// MemoryFaultExit is KVM_EXIT_MEMORY_FAULT: the guest's access to its memory
// failed, most often because a page is private where it should be shared or the
// other way round. Run returns it together with an error.
type MemoryFaultExit struct {
	Flags uint64 // uapi.MemoryExitFlagPrivate
	GPA   uint64 // guest-physical address
	Size  uint64 // bytes
}

// MemoryFault returns the details of KVM_EXIT_MEMORY_FAULT. The caller
// repairs the memory, by SetMemoryAttributes for one, and runs on.
func (e Exit) MemoryFault() MemoryFaultExit {
	d, _ := details(e, uapi.ExitMemoryFault, (*uapi.Run).MemoryFault)
	return MemoryFaultExit{Flags: d.Flags, GPA: d.GPA, Size: d.Size}
}

// Private reports whether the access was to private memory.
func (x MemoryFaultExit) Private() bool { return x.Flags&uapi.MemoryExitFlagPrivate != 0 }

// DirtyRingFull reports KVM_EXIT_DIRTY_RING_FULL: the vCPU can record no more
// dirty pages. The caller collects its DirtyRing and calls ResetDirtyRings
// before it runs on.
func (e Exit) DirtyRingFull() bool { return e.is(uapi.ExitDirtyRingFull) }

// Watchdog reports KVM_EXIT_WATCHDOG: the guest's watchdog ran out (ppc64le).
func (e Exit) Watchdog() bool { return e.is(uapi.ExitWatchdog) }

// HypercallExit is KVM_EXIT_HYPERCALL: the guest called the hypervisor, and KVM
// leaves the call to the caller.
type HypercallExit struct {
	Nr    uint64 // the call: uapi.HCMapGPARange on x86, the SMCCC function on arm64
	Args  [6]uint64
	Flags uint64 // x86: bit 0 is long mode; arm64: uapi.HypercallExitSMC and others

	exit Exit
}

// Hypercall returns the details of KVM_EXIT_HYPERCALL.
func (e Exit) Hypercall() HypercallExit {
	d, ok := details(e, uapi.ExitHypercall, (*uapi.Run).Hypercall)
	if !ok {
		return HypercallExit{}
	}
	return HypercallExit{Nr: d.Nr, Args: d.Args, Flags: d.Flags, exit: e}
}

// SetReturn is what the guest gets for the call on x86. On arm64 the caller
// sets the guest's registers instead.
func (x HypercallExit) SetReturn(v uint64) {
	answer(x.exit, uapi.ExitHypercall, (*uapi.Run).Hypercall, func(d *uapi.RunHypercall) { d.Ret = v })
}
