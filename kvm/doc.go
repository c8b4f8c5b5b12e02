// Package kvm is the Linux KVM API: typed, memory-safe, without cgo, on every
// architecture that has KVM.
//
// # A tour
//
// [Open] gives a [System]: what the host offers, and where VMs come from.
//
//	system, err := kvm.Open()
//	n, err := system.CheckExtension(uapi.CapNrVCPUs) // 0 is no, an error is "could not ask"
//	vm, err := system.CreateVM()
//
// A [VM] gets memory in slots, at guest-physical addresses, and devices inside
// the kernel: an interrupt controller, a timer, routes and event descriptors.
//
//	ram, err := memory.New(64 << 20)
//	err = vm.SetUserMemoryRegion(0, 0, 0, ram) // slot, flags, GPA
//	err = vm.CreateIRQChip()
//
// A [VCPU] has state, which is read and set while it does not run, and runs.
//
//	vcpu, err := vm.CreateVCPU(0)
//	err = vcpu.ModifyRegs(func(r *uapi.Regs) { r.RIP = 0x1000 })
//	err = vcpu.Loop(ctx, func(exit kvm.Exit) error {
//		switch exit.Reason() {
//		case uapi.ExitHLT:
//			return kvm.ErrStop
//		}
//		return nil
//	})
//
// Pages that the guest writes to are found by [VM.DirtyLog] or [VCPU.DirtyRing],
// writes that need no answer are collected by [VM.RegisterCoalescedMMIO], memory
// that the host cannot see is a [GuestMemfd], and what KVM counts is in [Stats].
//
// [VM.SaveState] and [VCPU.SaveState] return everything that KVM holds, and RestoreState
// makes another VM go on from there, on amd64, arm64 and riscv64.
//
// [VCPU.Kick] gets a vCPU out of the guest from any goroutine. [Device] is a
// device by file descriptor: interrupt controllers of arm64 and others.
//
// # Names
//
// A method is named after its ioctl: KVM_GET_REGS is Regs, KVM_SET_REGS SetRegs,
// KVM_IRQ_LINE IRQLine. Structs and constants are package uapi's, whose names
// follow the kernel's by rule. What an architecture lacks does not exist in its
// build of this package.
//
// # Promises
//
// Every object can be closed at any time, more than once, from any goroutine,
// in any order. A call on a closed object returns [ErrClosed]; calls in progress
// finish first, and a vCPU in the guest is kicked out. Memory in a slot stays
// mapped until the kernel has no more use for it. No argument, however wrong,
// makes a call fault or write to Go's memory; the exceptions are arguments that
// are themselves addresses for the kernel inside raw structs and attributes.
//
// Errors from the kernel are [*Error] and unwrap to the errno. What the host
// lacks is [ErrNotSupported], mostly as [*UnsupportedError], which names the
// capability and the first kernel that has it.
//
// # Coming from the Rust crate linux_kvm
//
//	Kvm::open                        Open
//	Kvm::from_file                   NewSystem
//	Kvm::get_api_version             (*System).APIVersion; Open refuses other than 12
//	Kvm::check_extension             (*System).CheckExtension
//	Kvm::create_vm                   (*System).CreateVM
//	Kvm::get_vcpu_mmap_size          (*System).VCPUMmapSize
//	VirtualMachine::check_extension  (*VM).CheckExtension
//	VirtualMachine::create_vcpu      (*VM).CreateVCPU
//	set_guest_memory_region          (*VM).SetUserMemoryRegion
//	VirtualCpu::get_regs, set_regs   (*VCPU).Regs, SetRegs; OneReg, SetOneReg
//	VirtualCpu::to_runner            part of (*VM).CreateVCPU
//	VirtualCpuRunner::modify_regs    (*VCPU).ModifyRegs
//	with_raw_run_state               (*VCPU).RunState
//	run_raw                          (*VCPU).Run, (*VCPU).Loop
//	drop of the runner               (*VCPU).Close
//	MemoryRegion::new                memory.New
//	MemoryRegion::as_mut_slice       (*memory.Region).Bytes; ReadAt, WriteAt
//	drop of the region               (*memory.Region).Close
//	module raw                       package uapi
//	module ioctl                     uapi.SystemIoctl, VMIoctl, VCPUIoctl, DeviceIoctl
package kvm
