package kvm

import "linuxkvm/uapi"

// SyncRegs returns the registers that the vCPU shares with its user, as the last
// Run left them, and which of them KVM keeps: bits uapi.SyncGPRs and so on. It
// makes no system call. It is for between Runs, and for the goroutine that runs
// the vCPU.
func (v *VCPU) SyncRegs() (regs uapi.SyncRegs, valid uint64, err error) {
	err = v.shared(func(run *uapi.Run) error {
		regs, valid = *run.S.Regs(), run.KVMValidRegs
		return nil
	})
	return regs, valid, err
}

// SetSyncRegs sets those shared registers that fields says, uapi.SyncGPRs and so
// on, for the next Run. A vCPU has either SyncVRs or SyncFPRs. It is for between
// Runs, and for the goroutine that runs the vCPU.
func (v *VCPU) SetSyncRegs(fields uint64, regs *uapi.SyncRegs) error {
	if regs == nil {
		return invalid("SetSyncRegs: nil registers")
	}
	return v.shared(func(run *uapi.Run) error {
		if extra := fields &^ run.KVMValidRegs; extra != 0 {
			return invalid("SetSyncRegs: fields %#x: this vCPU does not have %#x (SyncRegs says what it has)", fields, extra)
		}
		copySyncRegs(run.S.Regs(), regs, fields)
		run.KVMDirtyRegs |= fields
		return nil
	})
}

// copySyncRegs copies fields only: of some others the processor uses what is there
// whether they are said to be changed or not.
func copySyncRegs(to, from *uapi.SyncRegs, fields uint64) {
	has := func(field uint64) bool { return fields&field != 0 }
	if has(uapi.SyncPrefix) {
		to.Prefix = from.Prefix
	}
	if has(uapi.SyncGPRs) {
		to.GPRs = from.GPRs
	}
	if has(uapi.SyncACRs) {
		to.ACRs = from.ACRs
	}
	if has(uapi.SyncCRs) {
		to.CRs = from.CRs
	}
	if has(uapi.SyncArch0) {
		to.Todpr, to.Cputm, to.Ckc, to.Pp, to.Gbea = from.Todpr, from.Cputm, from.Ckc, from.Pp, from.Gbea
	}
	if has(uapi.SyncPfault) {
		to.Pft, to.PFS, to.Pfc = from.Pft, from.PFS, from.Pfc
	}
	switch { // which are in a union
	case has(uapi.SyncVRs):
		to.VRs, to.FPC = from.VRs, from.FPC
	case has(uapi.SyncFPRs):
		*to.FPRs(), to.FPC = *from.FPRs(), from.FPC
	}
	if has(uapi.SyncRICCB) {
		to.RICCB = from.RICCB
	}
	if has(uapi.SyncGSCB) {
		*to.GSCB() = *from.GSCB()
	}
	if has(uapi.SyncBPBC) {
		to.SetBPBC(from.BPBC())
	}
	if has(uapi.SyncEtoken) {
		*to.Etoken(), *to.EtokenExtension() = *from.Etoken(), *from.EtokenExtension()
	}
	if has(uapi.SyncDiag318) {
		to.Diag318 = from.Diag318
	}
}

// PSW returns the program status word, as the last Run left it, in the manner of
// SyncRegs.
func (v *VCPU) PSW() (psw uapi.S390PSW, err error) {
	err = v.shared(func(run *uapi.Run) error {
		psw = uapi.S390PSW{Mask: run.PSWMask, Addr: run.PSWAddr}
		return nil
	})
	return psw, err
}

// SetPSW sets the program status word for the next Run, in the manner of
// SetSyncRegs.
func (v *VCPU) SetPSW(psw uapi.S390PSW) error {
	return v.shared(func(run *uapi.Run) error {
		run.PSWMask, run.PSWAddr = psw.Mask, psw.Addr
		return nil
	})
}

// shared calls do with the run area, while that is sure to be there.
func (v *VCPU) shared(do func(*uapi.Run) error) error {
	if _, ok := v.c().fd.Acquire(); !ok {
		return ErrClosed
	}
	defer v.c().fd.Release()
	return do(v.c().page)
}
