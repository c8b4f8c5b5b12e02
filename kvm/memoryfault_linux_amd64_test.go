package kvm

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// A slot outlives its guest_memfd, for which only the kernel's own call can be
// used: GuestMemfd refuses to be closed before.
func TestMemoryFaultExit(t *testing.T) {
	needPrograms(t)
	needProcessor(t)
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapGuestMemfdFlags, "6.18")
	r, err := memory.New(0x10000)
	must(t, err)
	t.Cleanup(func() { vm.Close(); must(t, r.Close()) })
	v := newTestVCPU(t, vm)
	must(t, startProgram(v, r, programExit))
	fd, err := vmStatus(vm, uapi.IoctlVMCreateGuestMemfd, &uapi.CreateGuestMemfd{Size: r.Size(), Flags: sharedFlags})
	must(t, err)
	err = vmSet(vm, uapi.IoctlVMSetUserMemoryRegion2, &uapi.UserspaceMemoryRegion2{
		Flags: uapi.MemGuestMemfd, MemorySize: r.Size(), UserspaceAddr: uint64(r.Addr()), GuestMemfd: uint32(fd),
	})
	must(t, unix.Close(fd))
	must(t, err)

	exit, err := v.Run()
	wantError(t, err, syscall.EFAULT, "KVM_RUN")
	x := exit.MemoryFault()
	if exit.Reason() != uapi.ExitMemoryFault || x.Private() || x.Size == 0 || guestBase-x.GPA >= x.Size {
		t.Errorf("%v: MemoryFault = %+v, want shared memory around GPA %#x", exit.Reason(), x, guestBase)
	}
}
