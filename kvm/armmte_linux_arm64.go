package kvm

import (
	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// armTagGranule is how many bytes of memory have one tag.
const armTagGranule = 16

// ArmMTETags reads the memory tags of guest memory from a guest-physical address
// on, one for every 16 bytes, into tags, each in the low 4 bits of a byte. The
// memory that len(tags) stands for is whole pages, in slots. It returns how many
// tags it read, which is fewer than all where there is no memory further on.
//
// ioctl: KVM_ARM_MTE_COPY_TAGS (vm) · cap: KVM_CAP_ARM_MTE · arch: arm64 · since: Linux 5.14 · doc: virt/kvm/api.rst "KVM_ARM_MTE_COPY_TAGS"
func (vm *VM) ArmMTETags(gpa uint64, tags []byte) (int, error) {
	return vm.copyTags(gpa, tags, uapi.ArmTagsFromGuest)
}

// SetArmMTETags writes the memory tags of guest memory, in the manner of
// ArmMTETags.
//
// ioctl: KVM_ARM_MTE_COPY_TAGS (vm) · cap: KVM_CAP_ARM_MTE · arch: arm64 · since: Linux 5.14 · doc: virt/kvm/api.rst "KVM_ARM_MTE_COPY_TAGS"
func (vm *VM) SetArmMTETags(gpa uint64, tags []byte) (int, error) {
	return vm.copyTags(gpa, tags, uapi.ArmTagsToGuest)
}

func (vm *VM) copyTags(gpa uint64, tags []byte, direction uint64) (int, error) {
	arg, err := armCopyTags(gpa, len(tags), direction)
	if err != nil {
		return 0, err
	}
	// The kernel is told an address: it gets memory that is not Go's.
	g, err := sys.NewGuarded(len(tags))
	if err != nil {
		return 0, opError(opName("mmap"), err)
	}
	defer g.Free()
	copy(g.Bytes(), tags)
	arg.Addr = g.Addr()
	n, err := vmStatus(vm, uapi.IoctlVMArmMTECopyTags, &arg)
	if err != nil {
		return 0, explain(err, vm, uapi.CapArmMTE, "5.14")
	}
	n = min(n/armTagGranule, len(tags))
	copy(tags[:n], g.Bytes())
	return n, nil
}

func armCopyTags(gpa uint64, n int, direction uint64) (uapi.ArmCopyMTETags, error) {
	page := uint64(sys.PageSize())
	arg := uapi.ArmCopyMTETags{GuestIPA: gpa, Length: uint64(n) * armTagGranule, Flags: direction}
	switch {
	case n == 0:
		return arg, invalid("%v: no tags", uapi.IoctlVMArmMTECopyTags)
	case arg.Length > 1<<31-1:
		// The kernel's result has no more room.
		return arg, invalid("%v: the tags of %#x bytes of memory, want less than 2 GiB at a time", uapi.IoctlVMArmMTECopyTags, arg.Length)
	case arg.Length%page != 0:
		return arg, invalid("%v: %d tags are not those of whole pages, %d each", uapi.IoctlVMArmMTECopyTags, n, page/armTagGranule)
	}
	return arg, checkAligned("the address of tagged memory", gpa, page)
}
