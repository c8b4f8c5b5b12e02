package kvm

import "linuxkvm/uapi"

// ArmAbortExit is KVM_EXIT_ARM_NISV or KVM_EXIT_ARM_LDST64B: the guest accessed
// an address that no memory slot covers, by an instruction that the processor
// does not describe (NISV) or that moves 64 bytes (LDST64B). The caller
// emulates the instruction and moves the program counter on.
type ArmAbortExit struct {
	ESRISS uint64 // the syndrome's ISS field
	IPA    uint64 // guest-physical address
}

// ArmNISV returns the details of KVM_EXIT_ARM_NISV.
func (e Exit) ArmNISV() ArmAbortExit { return e.armAbort(uapi.ExitArmNISV) }

// ArmLDST64B returns the details of KVM_EXIT_ARM_LDST64B.
func (e Exit) ArmLDST64B() ArmAbortExit { return e.armAbort(uapi.ExitArmLDST64B) }

func (e Exit) armAbort(want uapi.ExitReason) ArmAbortExit {
	d, _ := details(e, want, (*uapi.Run).ArmNISV)
	return ArmAbortExit{ESRISS: d.ESRISS, IPA: d.FaultIPA}
}

// ArmSEAExit is KVM_EXIT_ARM_SEA: the guest's access met an error of the
// memory itself (a synchronous external abort).
type ArmSEAExit struct {
	Flags uint64 // uapi.ExitArmSEAFlagGPAValid
	ESR   uint64 // the syndrome
	GVA   uint64 // guest-virtual address, if the syndrome has one
	GPA   uint64 // guest-physical address, if Flags say so
}

// ArmSEA returns the details of KVM_EXIT_ARM_SEA.
func (e Exit) ArmSEA() ArmSEAExit {
	d, _ := details(e, uapi.ExitArmSEA, (*uapi.Run).ArmSEA)
	return ArmSEAExit{Flags: d.Flags, ESR: d.ESR, GVA: d.GVA, GPA: d.GPA}
}
