package kvm

import (
	"encoding/binary"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// HypervEventfd makes the guest's SIGNAL_EVENT hypercalls on a Hyper-V connection
// signal e instead of leaving the guest. connID has 24 bits. Calls with an event
// flag number other than 0 still are exits (Exit.Hyperv). A connection that has
// one already is EEXIST.
//
// ioctl: KVM_HYPERV_EVENTFD (vm) · cap: KVM_CAP_HYPERV_EVENTFD · arch: x86 · since: Linux 4.17 · doc: virt/kvm/api.rst "KVM_HYPERV_EVENTFD"
func (vm *VM) HypervEventfd(e *EventFD, connID uint32) error {
	const req = uapi.IoctlVMHypervEventFD
	if err := checkConnID(connID); err != nil {
		return err
	}
	err := e.with(req, func(fd int) error {
		return vmSet(vm, req, &uapi.HypervEventFD{ConnID: connID, FD: int32(fd)})
	})
	return explain(err, vm, uapi.CapHypervEventFD, "4.17")
}

// DeassignHypervEventfd undoes HypervEventfd: ENOENT for a connection without one.
//
// ioctl: KVM_HYPERV_EVENTFD (vm) · cap: KVM_CAP_HYPERV_EVENTFD · arch: x86 · since: Linux 4.17 · doc: virt/kvm/api.rst "KVM_HYPERV_EVENTFD"
func (vm *VM) DeassignHypervEventfd(connID uint32) error {
	if err := checkConnID(connID); err != nil {
		return err
	}
	err := vmSet(vm, uapi.IoctlVMHypervEventFD, &uapi.HypervEventFD{
		ConnID: connID, FD: -1, Flags: uapi.HypervEventFDDeassign,
	})
	return explain(err, vm, uapi.CapHypervEventFD, "4.17")
}

func checkConnID(id uint32) error {
	if id&^uapi.HypervConnIDMask != 0 {
		return invalid("KVM_HYPERV_EVENTFD: connection %#x, want at most %#x", id, uapi.HypervConnIDMask)
	}
	return nil
}

// EnableHypervSynIC gives the vCPU Hyper-V's synthetic interrupt controller, which
// clears its message and event pages when the guest switches them on. It takes the
// local APIC in the kernel: EINVAL otherwise.
//
// ioctl: KVM_ENABLE_CAP (vcpu) · cap: KVM_CAP_HYPERV_SYNIC · arch: x86 · since: Linux 4.5 · doc: virt/kvm/api.rst "KVM_CAP_HYPERV_SYNIC"
func (v *VCPU) EnableHypervSynIC() error {
	return explain(v.EnableCap(uapi.CapHypervSynIC), v.vm, uapi.CapHypervSynIC, "4.5")
}

// EnableHypervSynIC2 is EnableHypervSynIC with pages that KVM leaves as they are.
//
// ioctl: KVM_ENABLE_CAP (vcpu) · cap: KVM_CAP_HYPERV_SYNIC2 · arch: x86 · since: Linux 4.13 · doc: virt/kvm/api.rst "KVM_CAP_HYPERV_SYNIC2"
func (v *VCPU) EnableHypervSynIC2() error {
	return explain(v.EnableCap(uapi.CapHypervSynIC2), v.vm, uapi.CapHypervSynIC2, "4.13")
}

// EnableHypervEnforceCPUID makes KVM offer the guest only those parts of the
// Hyper-V interface that the vCPU's CPUID has, or all again.
//
// ioctl: KVM_ENABLE_CAP (vcpu) · cap: KVM_CAP_HYPERV_ENFORCE_CPUID · arch: x86 · since: Linux 5.14 · doc: virt/kvm/api.rst "KVM_CAP_HYPERV_ENFORCE_CPUID"
func (v *VCPU) EnableHypervEnforceCPUID(on bool) error {
	var arg uint64
	if on {
		arg = 1
	}
	return explain(v.EnableCap(uapi.CapHypervEnforceCPUID, arg), v.vm, uapi.CapHypervEnforceCPUID, "5.14")
}

// EnableHypervDirectTLBFlush leaves the guest's hypercalls to flush TLBs to the
// Hyper-V that KVM itself runs on. The guest must then see Hyper-V's CPUID only.
//
// ioctl: KVM_ENABLE_CAP (vcpu) · cap: KVM_CAP_HYPERV_DIRECT_TLBFLUSH · arch: x86 · since: Linux 5.4 · doc: virt/kvm/api.rst "KVM_CAP_HYPERV_DIRECT_TLBFLUSH"
func (v *VCPU) EnableHypervDirectTLBFlush() error {
	return explain(v.EnableCap(uapi.CapHypervDirectTLBFlush), v.vm, uapi.CapHypervDirectTLBFlush, "5.4")
}

// EnableHypervEnlightenedVMCS lets the guest use enlightened VMCSs for its guests,
// on Intel, and returns the versions of them: the lowest in the low byte, the
// highest in the high byte.
//
// ioctl: KVM_ENABLE_CAP (vcpu) · cap: KVM_CAP_HYPERV_ENLIGHTENED_VMCS · arch: x86 · since: Linux 4.20 · doc: virt/kvm/api.rst "KVM_ENABLE_CAP"
func (v *VCPU) EnableHypervEnlightenedVMCS() (versions uint16, err error) {
	if err := v.vm.require(uapi.CapHypervEnlightenedVMCS, "4.20"); err != nil {
		return 0, err
	}
	g, err := sys.NewGuarded(2)
	if err != nil {
		return 0, opError(opName("mmap"), err)
	}
	defer g.Free()
	if err := v.enableCap(uapi.CapHypervEnlightenedVMCS, []uint64{g.Addr()}); err != nil {
		return 0, err
	}
	return binary.NativeEndian.Uint16(g.Bytes()), nil
}
