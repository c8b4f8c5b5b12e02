package kvm

import "linuxkvm/uapi"

// UnknownExit is KVM_EXIT_UNKNOWN: the processor left the guest for a reason
// that KVM does not know.
type UnknownExit struct {
	HardwareReason uint64 // in the processor's own terms
}

// Unknown returns the details of KVM_EXIT_UNKNOWN.
func (e Exit) Unknown() UnknownExit {
	d, _ := details(e, uapi.ExitUnknown, (*uapi.Run).HW)
	return UnknownExit{HardwareReason: d.HardwareExitReason}
}

// FailEntryExit is KVM_EXIT_FAIL_ENTRY: the processor refused to enter the
// guest, mostly for a state that it does not allow.
type FailEntryExit struct {
	HardwareReason uint64 // in the processor's own terms
	CPU            uint32 // the host's processor it happened on
}

// FailEntry returns the details of KVM_EXIT_FAIL_ENTRY.
func (e Exit) FailEntry() FailEntryExit {
	d, _ := details(e, uapi.ExitFailEntry, (*uapi.Run).FailEntry)
	return FailEntryExit{HardwareReason: d.HardwareEntryFailureReason, CPU: d.CPU}
}

// ExceptionExit is KVM_EXIT_EXCEPTION: an exception that is left to the caller.
type ExceptionExit struct {
	Exception uint32 // the vector
	ErrorCode uint32
}

// Exception returns the details of KVM_EXIT_EXCEPTION.
func (e Exit) Exception() ExceptionExit {
	d, _ := details(e, uapi.ExitException, (*uapi.Run).Ex)
	return ExceptionExit{Exception: d.Exception, ErrorCode: d.ErrorCode}
}

// InternalErrorExit is KVM_EXIT_INTERNAL_ERROR: KVM cannot go on with the guest.
type InternalErrorExit struct {
	Suberror uint32     // uapi.InternalErrorEmulation and the others
	NData    uint32     // words of Data that are valid, at most 16
	Data     [16]uint64 // what they mean depends on Suberror and on the kernel
}

// InternalError returns the details of KVM_EXIT_INTERNAL_ERROR.
func (e Exit) InternalError() InternalErrorExit {
	d, _ := details(e, uapi.ExitInternalError, (*uapi.Run).Internal)
	return InternalErrorExit{Suberror: d.Suberror, NData: min(d.Ndata, uint32(len(d.Data))), Data: d.Data}
}

// EmulationFailure is what KVM_EXIT_INTERNAL_ERROR says of an instruction that
// KVM could not emulate.
type EmulationFailure struct {
	Flags            uint64   // which of the following the kernel has filled in
	Instruction      [15]byte // bytes at the instruction pointer
	InstructionBytes uint8    // how many of them are valid; 0 when the kernel does not tell
}

// EmulationFailure returns the details of KVM_EXIT_INTERNAL_ERROR when its
// Suberror is uapi.InternalErrorEmulation.
func (e Exit) EmulationFailure() EmulationFailure {
	d, ok := details(e, uapi.ExitInternalError, (*uapi.Run).EmulationFailure)
	if !ok || d.Suberror != uapi.InternalErrorEmulation || d.Ndata == 0 {
		return EmulationFailure{}
	}
	f := EmulationFailure{Flags: d.Flags}
	if d.Ndata < 3 || d.Flags&uapi.InternalErrorEmulationFlagInstructionBytes == 0 {
		return f
	}
	f.InstructionBytes = min(d.InsnSize, uint8(len(f.Instruction)))
	copy(f.Instruction[:f.InstructionBytes], d.InsnBytes[:])
	return f
}

// DebugExit is KVM_EXIT_DEBUG: a breakpoint, watchpoint or single step that
// SetGuestDebug asked for.
type DebugExit struct {
	Arch uapi.DebugExitArch // what happened where, in the architecture's terms
}

// Debug returns the details of KVM_EXIT_DEBUG.
func (e Exit) Debug() DebugExit {
	d, _ := details(e, uapi.ExitDebug, (*uapi.Run).Debug)
	return DebugExit{Arch: d.Arch}
}

// HLT reports KVM_EXIT_HLT: the guest halted, and there is no interrupt
// controller in the kernel that could wake it.
func (e Exit) HLT() bool { return e.is(uapi.ExitHLT) }

// Shutdown reports KVM_EXIT_SHUTDOWN: the guest's processor stopped for good, on
// x86 after a triple fault.
func (e Exit) Shutdown() bool { return e.is(uapi.ExitShutdown) }

// Intr reports KVM_EXIT_INTR: a kick or a signal ended the Run. Kicked tells
// which.
func (e Exit) Intr() bool { return e.is(uapi.ExitIntr) }

// NMI reports KVM_EXIT_NMI: the host got a non-maskable interrupt while in the
// guest.
func (e Exit) NMI() bool { return e.is(uapi.ExitNMI) }
