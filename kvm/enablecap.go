package kvm

import "linuxkvm/uapi"

// EnableCap switches an optional capability of the VM on, with up to four
// arguments whose meaning is the capability's.
//
// ioctl: KVM_ENABLE_CAP (vm) · cap: KVM_CAP_ENABLE_CAP_VM · arch: all · since: Linux 3.14 · doc: virt/kvm/api.rst "KVM_ENABLE_CAP"
func (vm *VM) EnableCap(c uapi.Cap, args ...uint64) error {
	arg, err := enableCap(c, args)
	if err != nil {
		return err
	}
	err = vmSet(vm, uapi.IoctlVMEnableCap, &arg)
	return explain(err, vm, uapi.CapEnableCapVM, "3.14")
}

// EnableCap switches an optional capability of the vCPU on, with up to four
// arguments whose meaning is the capability's.
//
// ioctl: KVM_ENABLE_CAP (vcpu) · cap: KVM_CAP_ENABLE_CAP · arch: x86, ppc, s390, mips, loongarch · since: Linux 2.6.35 · doc: virt/kvm/api.rst "KVM_ENABLE_CAP"
func (v *VCPU) EnableCap(c uapi.Cap, args ...uint64) error {
	if c == uapi.CapHypervEnlightenedVMCS && len(args) > 0 {
		// KVM would write there.
		return invalid("KVM_ENABLE_CAP: %v takes an address; EnableHypervEnlightenedVMCS has one", c)
	}
	return v.enableCap(c, args)
}

func (v *VCPU) enableCap(c uapi.Cap, args []uint64) error {
	arg, err := enableCap(c, args)
	if err != nil {
		return err
	}
	return vcpuSet(v, uapi.IoctlVCPUEnableCap, &arg)
}

func enableCap(c uapi.Cap, args []uint64) (arg uapi.EnableCap, err error) {
	if len(args) > len(arg.Args) {
		return arg, invalid("KVM_ENABLE_CAP: %v: %d arguments, want at most %d", c, len(args), len(arg.Args))
	}
	arg.Cap = uint32(c)
	copy(arg.Args[:], args)
	return arg, nil
}
