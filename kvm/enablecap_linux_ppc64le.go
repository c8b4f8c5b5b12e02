package kvm

import "linuxkvm/uapi"

// EnablePAPR makes the guest a paravirtual one of the PAPR kind: its hypercalls
// come as exits (uapi.ExitPAPRHCall) unless KVM handles them.
//
// ioctl: KVM_ENABLE_CAP (vcpu) · cap: KVM_CAP_PPC_PAPR · arch: ppc · since: Linux 3.2 · doc: virt/kvm/api.rst "KVM_CAP_PPC_PAPR"
func (v *VCPU) EnablePAPR() error { return v.enable(uapi.CapPPCPAPR, "3.2") }

// EnableOSI makes the guest's calls of the "OSI" interface exits
// (uapi.ExitOSI), with all registers in them.
//
// ioctl: KVM_ENABLE_CAP (vcpu) · cap: KVM_CAP_PPC_OSI · arch: ppc · since: Linux 2.6.35 · doc: virt/kvm/api.rst "KVM_CAP_PPC_OSI"
func (v *VCPU) EnableOSI() error { return v.enable(uapi.CapPPCOSI, "2.6.35") }

// EnableEPR makes an interrupt that the guest takes an exit (uapi.ExitEPR), which
// asks for its vector; on false KVM stops doing so. It is for embedded processors.
//
// ioctl: KVM_ENABLE_CAP (vcpu) · cap: KVM_CAP_PPC_EPR · arch: ppc · since: Linux 3.9 · doc: virt/kvm/api.rst "KVM_CAP_PPC_EPR"
func (v *VCPU) EnableEPR(on bool) error { return v.enable(uapi.CapPPCEPR, "3.9", boolArg(on)) }

// EnableBookEWatchdog makes the guest's watchdog an exit (uapi.ExitWatchdog) when
// it expires for the last time. It is for embedded processors.
//
// ioctl: KVM_ENABLE_CAP (vcpu) · cap: KVM_CAP_PPC_BOOKE_WATCHDOG · arch: ppc · since: Linux 3.8 · doc: none
func (v *VCPU) EnableBookEWatchdog() error { return v.enable(uapi.CapPPCBOOKEWatchdog, "3.8") }

// EnableFWNMI makes machine checks of the guest exits (uapi.ExitNMI), which the
// caller hands to the guest as its firmware would. It holds for the whole VM.
//
// ioctl: KVM_ENABLE_CAP (vcpu) · cap: KVM_CAP_PPC_FWNMI · arch: ppc · since: Linux 4.13 · doc: virt/kvm/api.rst "KVM_CAP_PPC_FWNMI"
func (v *VCPU) EnableFWNMI() error { return v.enable(uapi.CapPPCFWNMI, "4.13") }

// EnableHCall has KVM handle a hypercall that it can handle, or hands it back to
// the caller. number is the PAPR's, a multiple of 4.
//
// ioctl: KVM_ENABLE_CAP (vm) · cap: KVM_CAP_PPC_ENABLE_HCALL · arch: ppc · since: Linux 3.17 · doc: virt/kvm/api.rst "KVM_CAP_PPC_ENABLE_HCALL"
func (vm *VM) EnableHCall(number uint64, inKernel bool) error {
	if number%4 != 0 {
		return invalid("KVM_CAP_PPC_ENABLE_HCALL: hypercall %#x: numbers are multiples of 4", number)
	}
	return vm.enable(uapi.CapPPCEnableHcall, "3.17", number, boolArg(inKernel))
}

// SetSMT makes that many vCPUs with consecutive ids the threads of one core: a
// power of two that the host can do, see uapi.CapPPCSMTPossible. It comes before
// the first vCPU.
//
// ioctl: KVM_ENABLE_CAP (vm) · cap: KVM_CAP_PPC_SMT · arch: ppc · since: Linux 4.13 · doc: virt/kvm/api.rst "KVM_CAP_PPC_SMT"
func (vm *VM) SetSMT(threads uint64) error {
	if threads == 0 || threads&(threads-1) != 0 {
		return invalid("KVM_CAP_PPC_SMT: %d threads a core: want a power of two", threads)
	}
	return vm.enable(uapi.CapPPCSMT, "4.13", threads)
}

// EnableNestedHV lets the guest have guests of its own, by hypercalls. It comes
// before the first vCPU.
//
// ioctl: KVM_ENABLE_CAP (vm) · cap: KVM_CAP_PPC_NESTED_HV · arch: ppc · since: Linux 4.20 · doc: virt/kvm/api.rst "KVM_CAP_PPC_NESTED_HV"
func (vm *VM) EnableNestedHV() error { return vm.enable(uapi.CapPPCNestedHV, "4.20") }

// EnableSecureGuest lets the guest become a secure one, whose memory the host
// cannot read.
//
// ioctl: KVM_ENABLE_CAP (vm) · cap: KVM_CAP_PPC_SECURE_GUEST · arch: ppc · since: Linux 5.7 · doc: virt/kvm/api.rst "KVM_CAP_PPC_SECURE_GUEST"
func (vm *VM) EnableSecureGuest() error { return vm.enable(uapi.CapPPCSecureGuest, "5.7") }

// EnableDAWR1 gives the guest a second data watchpoint register.
//
// ioctl: KVM_ENABLE_CAP (vm) · cap: KVM_CAP_PPC_DAWR1 · arch: ppc · since: Linux 5.13 · doc: virt/kvm/api.rst "KVM_CAP_PPC_DAWR1"
func (vm *VM) EnableDAWR1() error { return vm.enable(uapi.CapPPCDawr1, "5.13") }

func (v *VCPU) enable(c uapi.Cap, since string, args ...uint64) error {
	return explain(v.EnableCap(c, args...), v.vm, c, since)
}

func (vm *VM) enable(c uapi.Cap, since string, args ...uint64) error {
	return explain(vm.EnableCap(c, args...), vm, c, since)
}

func boolArg(on bool) uint64 {
	if on {
		return 1
	}
	return 0
}
