package kvm

import (
	"math"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// SetMemoryAttributes sets the attributes of a range of guest-physical addresses,
// all of them: those not given are taken away. gpa and size are multiples of the
// page size. CapMemoryAttributes, asked of the VM, has the attributes that it
// takes: uapi.MemoryAttributePrivate, if it has private memory at all.
//
// ioctl: KVM_SET_MEMORY_ATTRIBUTES (vm) · cap: KVM_CAP_MEMORY_ATTRIBUTES · arch: x86 · since: Linux 6.8 · doc: virt/kvm/api.rst "KVM_SET_MEMORY_ATTRIBUTES"
func (vm *VM) SetMemoryAttributes(gpa, size, attributes uint64) error {
	const req = uapi.IoctlVMSetMemoryAttributes
	if err := checkPages(req.String(), gpa, size); err != nil {
		return err
	}
	err := vmSet(vm, req, &uapi.MemoryAttributes{Address: gpa, Size: size, Attributes: attributes})
	return explain(err, vm, uapi.CapMemoryAttributes, "6.8")
}

// SetMemoryPrivate makes a range the guest's alone: its pages are those of the
// slot's guest_memfd. What the guest has there is not what was shared before; who
// converts for good gives the shared pages back.
//
// ioctl: KVM_SET_MEMORY_ATTRIBUTES (vm) · cap: KVM_CAP_MEMORY_ATTRIBUTES · arch: x86 · since: Linux 6.8 · doc: virt/kvm/api.rst "KVM_SET_MEMORY_ATTRIBUTES"
func (vm *VM) SetMemoryPrivate(gpa, size uint64) error {
	return vm.SetMemoryAttributes(gpa, size, uapi.MemoryAttributePrivate)
}

// SetMemoryShared makes a range shared with the host: its pages are those of the
// slot's Region. The private pages stay in the guest_memfd until PunchHole.
//
// ioctl: KVM_SET_MEMORY_ATTRIBUTES (vm) · cap: KVM_CAP_MEMORY_ATTRIBUTES · arch: x86 · since: Linux 6.8 · doc: virt/kvm/api.rst "KVM_SET_MEMORY_ATTRIBUTES"
func (vm *VM) SetMemoryShared(gpa, size uint64) error {
	return vm.SetMemoryAttributes(gpa, size, 0)
}

// checkPages refuses a range that is not whole pages of the guest.
func checkPages(op string, gpa, size uint64) error {
	if page := uint64(sys.PageSize()); gpa%page != 0 || size%page != 0 || size == 0 {
		return invalid("%s: GPA %#x and size %#x must be multiples of the page size %#x, and the size not 0", op, gpa, size, page)
	}
	if gpa > math.MaxUint64-size {
		return invalid("%s: %#x bytes at GPA %#x wrap around", op, size, gpa)
	}
	return nil
}
