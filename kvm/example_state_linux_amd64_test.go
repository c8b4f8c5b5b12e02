package kvm_test

import (
	"context"
	"fmt"

	"linuxkvm/kvm"
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// A guest that counts is saved in the middle, and another VM goes on from there. What
// lies between, in a file for example, are three pieces of bytes.
func ExampleVCPU_SaveState() {
	system := must(kvm.Open())
	defer system.Close()

	// How the VM is made is the program's to know, and the same both times.
	create := func() (*kvm.VM, *kvm.VCPU, *memory.Region) {
		vm := must(system.CreateVM())
		ram := must(memory.New(0x10000))
		check(vm.SetUserMemoryRegion(0, 0, 0, ram))
		return vm, must(vm.CreateVCPU(0)), ram
	}
	runToPort := func(vcpu *kvm.VCPU) uint64 {
		var value uint64
		check(vcpu.Loop(context.Background(), func(exit kvm.Exit) error {
			if exit.Reason() != uapi.ExitIO {
				return nil
			}
			value = exit.IO().Data().Uint64()
			return kvm.ErrStop
		}))
		return value
	}

	vm, vcpu, ram := create()
	must(ram.WriteAt([]byte{
		0x40,       // inc ax
		0xe6, 0x10, // out 0x10, al
		0xeb, 0xfb, // jmp to the start
	}, 0))
	sregs := must(vcpu.Sregs())
	sregs.CS.Base, sregs.CS.Selector = 0, 0
	check(vcpu.SetSregs(&sregs))
	check(vcpu.SetRegs(&uapi.Regs{RFLAGS: 2}))
	fmt.Println("the guest counts", runToPort(vcpu), runToPort(vcpu))

	// With all vCPUs out of the guest: the VM, each vCPU, and RAM last.
	vmBytes := must(must(vm.SaveState()).MarshalBinary())
	vcpuBytes := must(must(vcpu.SaveState()).MarshalBinary())
	ramBytes := make([]byte, ram.Size())
	must(ram.ReadAt(ramBytes, 0))
	check(vcpu.Close())
	check(vm.Close())
	check(ram.Close())

	// The other way around: RAM, each vCPU, and the VM last.
	vm, vcpu, ram = create()
	defer ram.Close()
	defer vm.Close()
	defer vcpu.Close()
	must(ram.WriteAt(ramBytes, 0))
	var vcpuState kvm.VCPUState
	check(vcpuState.UnmarshalBinary(vcpuBytes))
	check(vcpu.RestoreState(&vcpuState))
	var vmState kvm.VMState
	check(vmState.UnmarshalBinary(vmBytes))
	check(vm.RestoreState(&vmState))
	fmt.Println("and goes on with", runToPort(vcpu), runToPort(vcpu))
	// Output:
	// the guest counts 1 2
	// and goes on with 3 4
}
