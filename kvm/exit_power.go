package kvm

import "linuxkvm/uapi"

// DCRExit is KVM_EXIT_DCR: access to a device control register of an embedded
// PowerPC. Kernels since 3.12 do not produce it.
type DCRExit struct {
	DCRN  uint32 // the register's number
	Data  uint32 // what the guest writes
	Write bool

	exit Exit
}

// DCR returns the details of KVM_EXIT_DCR.
func (e Exit) DCR() DCRExit {
	d, ok := details(e, uapi.ExitDCR, (*uapi.Run).DCR)
	if !ok {
		return DCRExit{}
	}
	return DCRExit{DCRN: d.Dcrn, Data: d.Data, Write: d.IsWrite != 0, exit: e}
}

// SetData is what the guest reads.
func (x DCRExit) SetData(v uint32) {
	answer(x.exit, uapi.ExitDCR, (*uapi.Run).DCR, func(d *uapi.RunDCR) { d.Data = v })
}

// OSIExit is KVM_EXIT_OSI: a call of Mac-on-Linux's interface.
type OSIExit struct {
	GPRs [32]uint64 // the guest's general registers

	exit Exit
}

// OSI returns the details of KVM_EXIT_OSI.
func (e Exit) OSI() OSIExit {
	d, ok := details(e, uapi.ExitOSI, (*uapi.Run).OSI)
	if !ok {
		return OSIExit{}
	}
	return OSIExit{GPRs: d.GPRs, exit: e}
}

// SetGPRs are the guest's general registers after the call.
func (x OSIExit) SetGPRs(gprs *[32]uint64) {
	answer(x.exit, uapi.ExitOSI, (*uapi.Run).OSI, func(d *uapi.RunOSI) { d.GPRs = *gprs })
}

// PAPRHcallExit is KVM_EXIT_PAPR_HCALL: the guest made a hypercall of the Power
// Architecture Platform Reference that KVM does not handle.
type PAPRHcallExit struct {
	Nr   uint64
	Args [9]uint64 // the guest's r4 to r12

	exit Exit
}

// PAPRHcall returns the details of KVM_EXIT_PAPR_HCALL.
func (e Exit) PAPRHcall() PAPRHcallExit {
	d, ok := details(e, uapi.ExitPAPRHcall, (*uapi.Run).PAPRHcall)
	if !ok {
		return PAPRHcallExit{}
	}
	return PAPRHcallExit{Nr: d.Nr, Args: d.Args, exit: e}
}

// SetReturn is what the guest gets in r3, and results what it gets from r4 on;
// registers beyond results keep what they had. More than 9 results are cut off.
func (x PAPRHcallExit) SetReturn(ret uint64, results ...uint64) {
	answer(x.exit, uapi.ExitPAPRHcall, (*uapi.Run).PAPRHcall, func(d *uapi.RunPAPRHcall) {
		d.Ret = ret
		copy(d.Args[:], results)
	})
}

// EPRExit is KVM_EXIT_EPR: the guest acknowledges an interrupt whose number the
// caller's interrupt controller has.
type EPRExit struct {
	EPR uint32 // what stands in the register

	exit Exit
}

// EPR returns the details of KVM_EXIT_EPR.
func (e Exit) EPR() EPRExit {
	d, ok := details(e, uapi.ExitEPR, (*uapi.Run).EPR)
	if !ok {
		return EPRExit{}
	}
	return EPRExit{EPR: d.EPR, exit: e}
}

// SetEPR is the interrupt's number.
func (x EPRExit) SetEPR(v uint32) {
	answer(x.exit, uapi.ExitEPR, (*uapi.Run).EPR, func(d *uapi.RunEPR) { d.EPR = v })
}
