package kvm

import (
	"fmt"

	"linuxkvm/uapi"
)

// PreFaultMemory puts a range of guest-physical addresses into the page tables
// that KVM has for the guest, as if the vCPU had read every page of it, so that the
// guest does not leave for each later. gpa and size are multiples of the page size.
//
// KVM may stop before the end, and is asked again for the rest. done says how many
// bytes from gpa on were gone through, all of them unless there is an error. A
// signal is none: EINTR is KVM's word for one before the first page, and the call is
// repeated. EAGAIN means that a slot is being changed at the same time, ENOENT that
// there is none, EOPNOTSUPP that the vCPU's state does not allow it: it must not
// use shadow page tables, nor run a guest of its own. In each case the call can be
// made again for what is left.
//
// It waits for a Run in progress, as every ioctl of a vCPU does.
//
// ioctl: KVM_PRE_FAULT_MEMORY (vcpu) · cap: KVM_CAP_PRE_FAULT_MEMORY · arch: x86 · since: Linux 6.11 · doc: virt/kvm/api.rst "KVM_PRE_FAULT_MEMORY"
func (v *VCPU) PreFaultMemory(gpa, size uint64) (done uint64, err error) {
	const req = uapi.IoctlVCPUPreFaultMemory
	if err := checkPages(req.String(), gpa, size); err != nil {
		return 0, err
	}
	done, err = preFault(gpa, size, func(arg *uapi.PreFaultMemory) error { return vcpuSet(v, req, arg) })
	return done, explain(err, v.vm, uapi.CapPreFaultMemory, "6.11")
}

// preFault repeats call, which moves the start of the range on, to its end.
func preFault(gpa, size uint64, call func(*uapi.PreFaultMemory) error) (done uint64, err error) {
	arg := uapi.PreFaultMemory{GPA: gpa, Size: size}
	for arg.Size != 0 {
		before := arg.Size
		if err := call(&arg); err != nil {
			return size - before, err
		}
		if arg.Size >= before || arg.GPA != gpa+(size-arg.Size) {
			return size - before, fmt.Errorf("kvm: %v: KVM went from %#x bytes left to %#x, at GPA %#x", uapi.IoctlVCPUPreFaultMemory, before, arg.Size, arg.GPA)
		}
	}
	return size, nil
}
