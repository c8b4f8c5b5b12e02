package kvm_test

import (
	"context"
	"fmt"

	"linuxkvm/kvm"
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// A guest that adds two numbers and writes the sum to an I/O port.
func Example_minimal() {
	ram := must(memory.New(0x1000))
	must(ram.WriteAt([]byte{
		0x00, 0xd8, // add al, bl
		0xe6, 0x10, // out 0x10, al
		0xf4, // hlt
	}, 0))
	system := must(kvm.Open())
	vm := must(system.CreateVM())
	check(vm.SetUserMemoryRegion(0, 0, 0, ram)) // slot 0, no flags, at address 0
	vcpu := must(vm.CreateVCPU(0))
	sregs := must(vcpu.Sregs())
	sregs.CS.Base, sregs.CS.Selector = 0, 0 // real mode, from address 0 on
	check(vcpu.SetSregs(&sregs))
	check(vcpu.SetRegs(&uapi.Regs{RAX: 2, RBX: 3, RFLAGS: 2}))
	check(vcpu.Loop(context.Background(), func(exit kvm.Exit) error {
		switch exit.Reason() {
		case uapi.ExitIO:
			fmt.Println("the guest says", exit.IO().Data().Uint64())
		case uapi.ExitHLT:
			return kvm.ErrStop
		}
		return nil
	}))
	// Output: the guest says 5
}

// A port that the guest writes to without leaving it: the writes are counted by
// an event descriptor that another goroutine waits for.
func ExampleVM_IOEventfd() {
	system := must(kvm.Open())
	defer system.Close()
	vm := must(system.CreateVM())
	defer vm.Close()
	bell := must(kvm.NewEventFD())
	defer bell.Close()
	check(vm.IOEventfd(bell, kvm.IOEvent{Addr: 0x60, PIO: true, Len: 1}))

	check(bell.Signal()) // what a guest's "out 0x60, al" does
	fmt.Println(must(bell.Wait()))
	// Output: 1
}

// Every hardware interrupt line stays where it is, and GSI 24 becomes a message
// to the local APIC with id 0.
func ExampleGSIRoutes() {
	system := must(kvm.Open())
	defer system.Close()
	vm := must(system.CreateVM())
	defer vm.Close()
	check(vm.CreateIRQChip())
	var routes kvm.GSIRoutes
	routes.Default()
	routes.MSI(24, 0xfee00000, 0x41)
	check(vm.SetGSIRouting(&routes))
	fmt.Println(routes.Len(), "routes")
	// Output: 41 routes
}
