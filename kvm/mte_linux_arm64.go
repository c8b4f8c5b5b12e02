package kvm

import (
	"math"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// granule is how many bytes of memory have one allocation tag.
const granule = 16

// ArmMTETags reads the allocation tags of guest memory from gpa on, one for each 16
// bytes, into tags: the low four bits of each byte. gpa is page-aligned, and what tags
// stands for is whole pages.
//
// It returns how many tags were read. When some were, there is no error: KVM stops at
// a page that it cannot take, and says why on a call that begins there.
//
// ioctl: KVM_ARM_MTE_COPY_TAGS (vm) · cap: KVM_CAP_ARM_MTE · arch: arm64 · since: Linux 5.14 · doc: virt/kvm/api.rst "KVM_ARM_MTE_COPY_TAGS"
func (vm *VM) ArmMTETags(gpa uint64, tags []byte) (int, error) {
	return vm.copyTags(gpa, tags, uapi.ArmTagsFromGuest)
}

// ArmSetMTETags writes the allocation tags of guest memory, in the manner of
// ArmMTETags.
//
// ioctl: KVM_ARM_MTE_COPY_TAGS (vm) · cap: KVM_CAP_ARM_MTE · arch: arm64 · since: Linux 5.14 · doc: virt/kvm/api.rst "KVM_ARM_MTE_COPY_TAGS"
func (vm *VM) ArmSetMTETags(gpa uint64, tags []byte) (int, error) {
	return vm.copyTags(gpa, tags, uapi.ArmTagsToGuest)
}

func (vm *VM) copyTags(gpa uint64, tags []byte, direction uint64) (done int, err error) {
	const req = uapi.IoctlVMArmMTECopyTags
	page := uint64(sys.PageSize())
	switch length := uint64(len(tags)) * granule; {
	case gpa%page != 0:
		return 0, invalid("%v: GPA %#x is not a multiple of the page size %d", req, gpa, page)
	case length == 0 || length%page != 0:
		return 0, invalid("%v: %d tags are not those of whole pages: want a multiple of %d", req, len(tags), page/granule)
	case length > math.MaxInt32:
		return 0, invalid("%v: %d tags are more than one call copies: want at most %d", req, len(tags), math.MaxInt32/int(page)*int(page)/granule)
	case gpa+length < gpa:
		return 0, invalid("%v: %d tags from GPA %#x on end beyond the address space", req, len(tags), gpa)
	}
	err = pinned(tags, func(addr uint64) error {
		n, err := vmStatus(vm, req, &uapi.ArmCopyMTETags{
			GuestIPA: gpa, Length: uint64(len(tags)) * granule, Addr: addr, Flags: direction,
		})
		if err == nil {
			done = n / granule
		}
		return err
	})
	return done, explain(err, vm, uapi.CapArmMTE, "5.14")
}
