package kvm

import "linuxkvm/uapi"

// S390SIEICExit is KVM_EXIT_S390_SIEIC: the processor left the guest for an
// instruction or event that KVM leaves to the caller.
type S390SIEICExit struct {
	ICPTCode uint8  // why: the interception code
	IPA      uint16 // interception parameter A
	IPB      uint32 // interception parameter B
}

// S390SIEIC returns the details of KVM_EXIT_S390_SIEIC.
func (e Exit) S390SIEIC() S390SIEICExit {
	d, _ := details(e, uapi.ExitS390SIEIC, (*uapi.Run).S390SIEIC)
	return S390SIEICExit{ICPTCode: d.Icptcode, IPA: d.IPA, IPB: d.IPB}
}

// S390ResetExit is KVM_EXIT_S390_RESET: the guest resets the machine.
type S390ResetExit struct {
	Flags uint64 // uapi.S390ResetPOR and the others
}

// S390Reset returns the details of KVM_EXIT_S390_RESET.
func (e Exit) S390Reset() S390ResetExit {
	d, _ := details(e, uapi.ExitS390Reset, (*uapi.Run).S390ResetFlags)
	return S390ResetExit{Flags: d}
}

// S390UControlExit is KVM_EXIT_S390_UCONTROL: a fault in the address space of a
// user-controlled VM.
type S390UControlExit struct {
	TransExcCode uint64 // the faulting address and what was wrong with it
	PGMCode      uint32 // the program interruption's code
}

// S390UControl returns the details of KVM_EXIT_S390_UCONTROL.
func (e Exit) S390UControl() S390UControlExit {
	d, _ := details(e, uapi.ExitS390UControl, (*uapi.Run).S390UControl)
	return S390UControlExit{TransExcCode: d.TransExcCode, PGMCode: d.PgmCode}
}

// S390TSCHExit is KVM_EXIT_S390_TSCH: the guest executes TEST SUBCHANNEL.
type S390TSCHExit struct {
	SubchannelID uint16
	SubchannelNr uint16
	IOIntParm    uint32 // of the dequeued I/O interrupt
	IOIntWord    uint32 // of the dequeued I/O interrupt
	IPB          uint32 // interception parameter B
	Dequeued     bool   // KVM took an I/O interrupt from its queue for this
}

// S390TSCH returns the details of KVM_EXIT_S390_TSCH.
func (e Exit) S390TSCH() S390TSCHExit {
	d, _ := details(e, uapi.ExitS390TSCH, (*uapi.Run).S390TSCH)
	return S390TSCHExit{
		SubchannelID: d.SubchannelID, SubchannelNr: d.SubchannelNr,
		IOIntParm: d.IOIntParm, IOIntWord: d.IOIntWord, IPB: d.IPB, Dequeued: d.Dequeued != 0,
	}
}

// S390STSIExit is KVM_EXIT_S390_STSI: the guest executes STORE SYSTEM
// INFORMATION, and KVM has filled in what it knows.
type S390STSIExit struct {
	Addr uint64 // guest address of the block to complete
	AR   uint8  // access register
	FC   uint8  // function code
	Sel1 uint8
	Sel2 uint16
}

// S390STSI returns the details of KVM_EXIT_S390_STSI.
func (e Exit) S390STSI() S390STSIExit {
	d, _ := details(e, uapi.ExitS390STSI, (*uapi.Run).S390STSI)
	return S390STSIExit{Addr: d.Addr, AR: d.AR, FC: d.Fc, Sel1: d.Sel1, Sel2: d.Sel2}
}
