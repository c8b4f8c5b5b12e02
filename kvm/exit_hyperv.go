package kvm

import "linuxkvm/uapi"

// HypervExit is KVM_EXIT_HYPERV: the guest used the Hyper-V interface in a way
// that the caller has to know of. Type says which of the methods has the rest.
type HypervExit struct {
	Type uint32 // uapi.ExitHypervSynIC, ExitHypervHcall or ExitHypervSyndbg

	exit Exit
}

// HypervSynIC is a write to a register of the synthetic interrupt controller.
type HypervSynIC struct {
	MSR       uint32
	Control   uint64
	EventPage uint64 // guest-physical address and flags, as the guest wrote them
	MsgPage   uint64 // guest-physical address and flags, as the guest wrote them
}

// HypervHcall is a hypercall.
type HypervHcall struct {
	Input  uint64
	Params [2]uint64

	exit Exit
}

// HypervSyndbg is a write to a register of the synthetic debugger.
type HypervSyndbg struct {
	MSR         uint32
	Control     uint64
	SendPage    uint64 // guest-physical address
	RecvPage    uint64 // guest-physical address
	PendingPage uint64 // guest-physical address

	exit Exit
}

// Hyperv returns the details of KVM_EXIT_HYPERV.
func (e Exit) Hyperv() HypervExit {
	d, ok := details(e, uapi.ExitHyperv, (*uapi.Run).Hyperv)
	if !ok {
		return HypervExit{}
	}
	return HypervExit{Type: d.Type, exit: e}
}

// SynIC returns the details when Type is uapi.ExitHypervSynIC.
func (x HypervExit) SynIC() HypervSynIC {
	d, ok := x.details(uapi.ExitHypervSynIC)
	if !ok {
		return HypervSynIC{}
	}
	s := d.U.SynIC()
	return HypervSynIC{MSR: s.MSR, Control: s.Control, EventPage: s.EvtPage, MsgPage: s.MsgPage}
}

// Hcall returns the details when Type is uapi.ExitHypervHcall.
func (x HypervExit) Hcall() HypervHcall {
	d, ok := x.details(uapi.ExitHypervHcall)
	if !ok {
		return HypervHcall{}
	}
	h := d.U.Hcall()
	return HypervHcall{Input: h.Input, Params: h.Params, exit: x.exit}
}

// SetResult is what the guest gets for the hypercall.
func (x HypervHcall) SetResult(v uint64) {
	answer(x.exit, uapi.ExitHyperv, (*uapi.Run).Hyperv, func(d *uapi.HypervExit) { d.U.Hcall().Result = v })
}

// Syndbg returns the details when Type is uapi.ExitHypervSyndbg.
func (x HypervExit) Syndbg() HypervSyndbg {
	d, ok := x.details(uapi.ExitHypervSyndbg)
	if !ok {
		return HypervSyndbg{}
	}
	s := d.U.Syndbg()
	return HypervSyndbg{
		MSR: s.MSR, Control: s.Control,
		SendPage: s.SendPage, RecvPage: s.RecvPage, PendingPage: s.PendingPage, exit: x.exit,
	}
}

// SetStatus is what the guest reads as the debugger's status.
func (x HypervSyndbg) SetStatus(v uint64) {
	answer(x.exit, uapi.ExitHyperv, (*uapi.Run).Hyperv, func(d *uapi.HypervExit) { d.U.Syndbg().Status = v })
}

func (x HypervExit) details(kind uint32) (d uapi.HypervExit, ok bool) {
	if x.Type != kind {
		return d, false
	}
	d, ok = details(x.exit, uapi.ExitHyperv, (*uapi.Run).Hyperv)
	return d, ok && d.Type == kind
}
