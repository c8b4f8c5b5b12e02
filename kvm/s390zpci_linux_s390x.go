package kvm

import "linuxkvm/uapi"

// S390ZPCIOp registers or deregisters forwarding of a passed-through PCI device's
// interrupts to the guest: Op is uapi.S390ZpciopRegAen, with RegAen of U, or
// S390ZpciopDeregAen. Fh is the host's function handle. The addresses are the
// guest's.
//
// ioctl: KVM_S390_ZPCI_OP (vm) · cap: KVM_CAP_S390_ZPCI_OP · arch: s390 · since: Linux 6.0 · doc: virt/kvm/api.rst "KVM_S390_ZPCI_OP"
func (vm *VM) S390ZPCIOp(op *uapi.S390ZPCIOp) error {
	const req = uapi.IoctlVMS390ZPCIOp
	if err := vm.refuseUControl(req); err != nil {
		return err
	}
	if op != nil && op.Op != uapi.S390ZpciopRegAen && op.Op != uapi.S390ZpciopDeregAen {
		return invalid("%v: operation %d: want uapi.S390ZpciopRegAen or S390ZpciopDeregAen", req, op.Op)
	}
	return explain(vmSet(vm, req, op), vm, uapi.CapS390ZPCIOp, "6.0")
}
