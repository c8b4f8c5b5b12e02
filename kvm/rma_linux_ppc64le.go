package kvm

import (
	"linuxkvm/internal/sys"
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// AllocateRMA takes a real mode area from the host's pool: contiguous memory that
// guests of POWER processors before POWER7 need in a slot at address 0. Its size
// is the host's. Linux 4.0 removed it, with the support for such processors.
//
// ioctl: KVM_ALLOCATE_RMA (vm) · cap: KVM_CAP_PPC_RMA · arch: ppc · since: Linux 3.2 · doc: virt/kvm/api.rst "KVM_ALLOCATE_RMA"
func (vm *VM) AllocateRMA() (*memory.Region, error) {
	var rma uapi.AllocateRMA
	fd, err := vmStatus(vm, uapi.IoctlVMAllocateRMA, &rma)
	if err != nil {
		return nil, explain(err, vm, uapi.CapPPCRMA, "")
	}
	// The mapping keeps the area; the descriptor is not needed any more.
	defer sys.CloseFD(fd)
	m, err := sys.MapFile(fd, 0, uintptr(rma.RMASize))
	if err != nil {
		return nil, opError(opName("mmap of a real mode area"), err)
	}
	return memory.FromMapping(m), nil
}
