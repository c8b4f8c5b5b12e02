package kvm

import "linuxkvm/uapi"

// RISCVSBIExit is KVM_EXIT_RISCV_SBI: the guest called its firmware, and KVM
// leaves the call to the caller.
type RISCVSBIExit struct {
	ExtensionID uint64
	FunctionID  uint64
	Args        [6]uint64

	exit Exit
}

// RISCVSBI returns the details of KVM_EXIT_RISCV_SBI.
func (e Exit) RISCVSBI() RISCVSBIExit {
	d, ok := details(e, uapi.ExitRISCVSBI, (*uapi.Run).RISCVSBI)
	if !ok {
		return RISCVSBIExit{}
	}
	return RISCVSBIExit{ExtensionID: d.ExtensionID, FunctionID: d.FunctionID, Args: d.Args, exit: e}
}

// SetReturn is what the guest gets for the call: an error of the SBI, as the
// guest sees it in a0, and a value in a1.
func (x RISCVSBIExit) SetReturn(sbiError int64, value uint64) {
	answer(x.exit, uapi.ExitRISCVSBI, (*uapi.Run).RISCVSBI, func(d *uapi.RunRISCVSBI) { d.Ret = [2]uint64{uint64(sbiError), value} })
}

// RISCVCSRExit is KVM_EXIT_RISCV_CSR: the guest accesses a control and status
// register that is left to the caller.
type RISCVCSRExit struct {
	CSR       uint64 // the register's number
	NewValue  uint64
	WriteMask uint64 // the bits of NewValue to write

	exit Exit
}

// RISCVCSR returns the details of KVM_EXIT_RISCV_CSR.
func (e Exit) RISCVCSR() RISCVCSRExit {
	d, ok := details(e, uapi.ExitRISCVCSR, (*uapi.Run).RISCVCSR)
	if !ok {
		return RISCVCSRExit{}
	}
	return RISCVCSRExit{CSR: d.CSRNum, NewValue: d.NewValue, WriteMask: d.WriteMask, exit: e}
}

// SetReturn is what the guest reads: the register's value before the write.
func (x RISCVCSRExit) SetReturn(v uint64) {
	answer(x.exit, uapi.ExitRISCVCSR, (*uapi.Run).RISCVCSR, func(d *uapi.RunRISCVCSR) { d.RetValue = v })
}
