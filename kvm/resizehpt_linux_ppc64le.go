package kvm

import "linuxkvm/uapi"

// PPCResizeHPTPrepare has KVM prepare a hashed page table of 1<<shift bytes beside
// the one in use, in the background. It returns the milliseconds that it may take
// still: call it again with the same shift until that is 0. A shift of 0 gives up
// what is being prepared; otherwise it is 18 to 46.
//
// ioctl: KVM_PPC_RESIZE_HPT_PREPARE (vm) · cap: KVM_CAP_SPAPR_RESIZE_HPT · arch: ppc · since: Linux 4.11 · doc: virt/kvm/api.rst "KVM_PPC_RESIZE_HPT_PREPARE"
func (vm *VM) PPCResizeHPTPrepare(shift uint32) (milliseconds int, err error) {
	const req = uapi.IoctlVMPPCResizeHPTPrepare
	if shift != 0 {
		if err := checkHPTOrder(req.String(), shift); err != nil {
			return 0, err
		}
	}
	n, err := vmStatus(vm, req, &uapi.PPCResizeHPT{Shift: shift})
	return n, explain(err, vm, uapi.CapSPAPRResizeHPT, "4.11")
}

// PPCResizeHPTCommit moves the guest to the hashed page table that was prepared
// with the same shift. The guest must make no access through its MMU meanwhile.
// ENXIO means that none of that size was prepared, EBUSY that it is not ready,
// ENOSPC that an entry did not fit; the guest then keeps its table. It must have
// run: EIO otherwise, and a warning in the host's log.
//
// ioctl: KVM_PPC_RESIZE_HPT_COMMIT (vm) · cap: KVM_CAP_SPAPR_RESIZE_HPT · arch: ppc · since: Linux 4.11 · doc: virt/kvm/api.rst "KVM_PPC_RESIZE_HPT_COMMIT"
func (vm *VM) PPCResizeHPTCommit(shift uint32) error {
	const req = uapi.IoctlVMPPCResizeHPTCommit
	if err := checkHPTOrder(req.String(), shift); err != nil {
		return err
	}
	err := vmSet(vm, req, &uapi.PPCResizeHPT{Shift: shift})
	return explain(err, vm, uapi.CapSPAPRResizeHPT, "4.11")
}
