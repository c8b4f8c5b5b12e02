package kvm

import (
	"bytes"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// A page that is private and the same page shared are different memory.
func TestPrivateMemory(t *testing.T) {
	sys := openSystem(t)
	types, err := sys.CheckExtension(uapi.CapVMTypes)
	must(t, err)
	if types&(1<<uapi.X86SWProtectedVM) == 0 {
		t.Skip("needs a VM with private memory: a KVM module with software-protected VMs (CONFIG_KVM_SW_PROTECTED_VM, hardware paging, Linux 6.8 or newer)")
	}
	vm, err := sys.CreateVMType(uapi.X86SWProtectedVM)
	must(t, err)
	defer vm.Close()
	r, err := memory.New(0x10000)
	must(t, err)
	defer func() { vm.Close(); must(t, r.Close()) }()
	g := newGuestMemfdT(t, vm, 0x10000, 0)
	must(t, vm.SetUserMemoryRegion2(MemorySlot{Region: r, GuestMemfd: g}))
	v := newTestVCPU(t, vm)
	defer v.Close()
	longMode(t, v, r, 0,
		0xb8, 0x00, 0x40, 0x00, 0x00, // mov eax, 0x4000
		0x8a, 0x08, //                   mov cl, [rax]
		0xe6, 0x10, //                   out 0x10, al
		0xeb, 0xfa, //                   jmp to the read
	)
	_, err = r.WriteAt(bytes.Repeat([]byte{0x55}, 0x1000), 0x4000)
	must(t, err)
	for _, want := range []byte{0x55, 0, 0x55} {
		if want == 0 {
			must(t, vm.SetMemoryPrivate(0x4000, 0x1000))
		} else {
			must(t, vm.SetMemoryShared(0x4000, 0x1000))
		}
		runUntil(t, v, uapi.ExitIO)
		regs, err := v.Regs()
		must(t, err)
		if got := byte(regs.RCX); got != want {
			t.Errorf("the guest read %#x, want %#x", got, want)
		}
	}
}
