package kvm

import "linuxkvm/uapi"

// SMCCCFilter says what becomes of the guest's calls to the firmware. The kernel's
// document is virt/kvm/devices/vm.rst.
type SMCCCFilter struct{ attrs attributes }

// SMCCCFilter returns the VM's filter of firmware calls.
func (vm *VM) SMCCCFilter() SMCCCFilter { return SMCCCFilter{vm} }

// Add says what becomes of calls of n functions from base on: action is
// uapi.SMCCCFilterHandle, SMCCCFilterDeny or SMCCCFilterFwdToUser, for which the
// vCPU exits with uapi.ExitHypercall. It comes before any vCPU runs (EBUSY), and
// ranges do not overlap, nor cover the calls of the architecture itself (EEXIST).
//
// attr: KVM_ARM_VM_SMCCC_CTRL, KVM_ARM_VM_SMCCC_FILTER (vm) · since: Linux 6.4
func (f SMCCCFilter) Add(base, n uint32, action uint8) error {
	if n == 0 || uint64(base)+uint64(n) > 1<<32 || action > uapi.SMCCCFilterFwdToUser {
		return invalid("SMCCC filter %d for %d functions from %#x on: want one of the three actions and at least one function of 32 bits", action, n, base)
	}
	return setAttr(f.attrs, uapi.ArmVMSMCCCCtrl, uapi.ArmVMSMCCCFilter,
		uapi.SMCCCFilter{Base: base, NrFunctions: n, Action: action})
}
