package kvm

import "linuxkvm/uapi"

// TDXExit is KVM_EXIT_TDX: a TDX guest made a call that the caller has to
// answer. Nr is the number of the call in the guest-hypervisor interface (GHCI)
// and says which of the methods has the rest; Unknown fits all.
type TDXExit struct {
	Flags uint64
	Nr    uint64

	exit Exit
}

// TDXUnknown is a call in its raw form.
type TDXUnknown struct {
	Data [5]uint64
}

// TDXGetQuote is a request to sign the guest's report.
type TDXGetQuote struct {
	GPA  uint64 // guest-physical address of the shared buffer
	Size uint64 // of the buffer, in bytes
}

// TDXGetTDVMCallInfo asks which calls the caller answers.
type TDXGetTDVMCallInfo struct {
	Leaf uint64
}

// TDXSetupEventNotify asks to be interrupted when the host has news.
type TDXSetupEventNotify struct {
	Vector uint64
}

// TDX returns the details of KVM_EXIT_TDX.
func (e Exit) TDX() TDXExit {
	d, ok := details(e, uapi.ExitTDX, (*uapi.Run).TDX)
	if !ok {
		return TDXExit{}
	}
	return TDXExit{Flags: d.Flags, Nr: d.Nr, exit: e}
}

// Unknown returns the call in its raw form.
func (x TDXExit) Unknown() TDXUnknown {
	d, _ := details(x.exit, uapi.ExitTDX, (*uapi.Run).TDX)
	return TDXUnknown{Data: d.Unknown().Data}
}

// GetQuote returns the details of TDG.VP.VMCALL<GetQuote>.
func (x TDXExit) GetQuote() TDXGetQuote {
	d, _ := details(x.exit, uapi.ExitTDX, (*uapi.Run).TDX)
	return TDXGetQuote{GPA: d.GetQuote().GPA, Size: d.GetQuote().Size}
}

// GetTDVMCallInfo returns the details of TDG.VP.VMCALL<GetTdVmCallInfo>.
func (x TDXExit) GetTDVMCallInfo() TDXGetTDVMCallInfo {
	d, _ := details(x.exit, uapi.ExitTDX, (*uapi.Run).TDX)
	return TDXGetTDVMCallInfo{Leaf: d.GetTDVMCallInfo().Leaf}
}

// SetupEventNotify returns the details of
// TDG.VP.VMCALL<SetupEventNotifyInterrupt>.
func (x TDXExit) SetupEventNotify() TDXSetupEventNotify {
	d, _ := details(x.exit, uapi.ExitTDX, (*uapi.Run).TDX)
	return TDXSetupEventNotify{Vector: d.SetupEventNotify().Vector}
}

// SetReturn is the status that the guest gets for the call, whichever it is.
func (x TDXExit) SetReturn(v uint64) {
	answer(x.exit, uapi.ExitTDX, (*uapi.Run).TDX, func(d *uapi.RunTDX) { d.Unknown().Ret = v })
}

// SetTDVMCallInfo is what the guest gets in R11 to R14 for GetTdVmCallInfo.
func (x TDXExit) SetTDVMCallInfo(r11, r12, r13, r14 uint64) {
	answer(x.exit, uapi.ExitTDX, (*uapi.Run).TDX, func(d *uapi.RunTDX) {
		i := d.GetTDVMCallInfo()
		i.R11, i.R12, i.R13, i.R14 = r11, r12, r13, r14
	})
}

// SNPReqCertsExit is KVM_EXIT_SNP_REQ_CERTS: an SEV-SNP guest wants its
// attestation report together with the host's certificates.
type SNPReqCertsExit struct {
	GPA    uint64 // guest-physical address to put the certificates at
	NPages uint64 // room there, in pages of 4096 bytes

	exit Exit
}

// SNPReqCerts returns the details of KVM_EXIT_SNP_REQ_CERTS.
func (e Exit) SNPReqCerts() SNPReqCertsExit {
	d, ok := details(e, uapi.ExitSNPReqCerts, (*uapi.Run).SNPReqCerts)
	if !ok {
		return SNPReqCertsExit{}
	}
	return SNPReqCertsExit{GPA: d.GPA, NPages: d.Npages, exit: e}
}

// SetReturn says how it went: 0 when the certificates are in place; ENOSPC, with
// SetPages, when they need more room; EAGAIN to be asked again; EIO for a
// failure.
func (x SNPReqCertsExit) SetReturn(errno uint64) {
	answer(x.exit, uapi.ExitSNPReqCerts, (*uapi.Run).SNPReqCerts, func(d *uapi.ExitSNPReqCertsData) { d.Ret = errno })
}

// SetPages is the number of pages that the certificates need.
func (x SNPReqCertsExit) SetPages(n uint64) {
	answer(x.exit, uapi.ExitSNPReqCerts, (*uapi.Run).SNPReqCerts, func(d *uapi.ExitSNPReqCertsData) { d.Npages = n })
}

// APResetHold reports KVM_EXIT_AP_RESET_HOLD: a vCPU of an SEV-ES guest waits to
// be started.
func (e Exit) APResetHold() bool { return e.is(uapi.ExitAPResetHold) }
