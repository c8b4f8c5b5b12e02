package kvm

import "linuxkvm/uapi"

// A dump of a protected guest is the ultravisor's: S390PVDumpInit, S390PVDumpCPU of
// each vCPU, S390PVDumpConfigStorState for all memory, S390PVDumpComplete. What
// comes is encrypted. S390PVInfoDump has the sizes.

// S390PVDumpInit begins a dump. No vCPU can enter the guest until it is complete.
//
// ioctl: KVM_S390_PV_COMMAND (vm) · cap: KVM_CAP_S390_PROTECTED_DUMP · arch: s390 · since: Linux 6.0 · doc: virt/kvm/api.rst "KVM_S390_PV_COMMAND"
func (vm *VM) S390PVDumpInit() error {
	return vm.pvDump(uapi.IoctlVMS390PVCommand, uapi.PVDumpInit, 0, nil)
}

// S390PVDumpConfigStorState fills buf with the storage state of guest memory from
// the guest-absolute address addr on, a multiple of 1 MiB. buf is a multiple of
// DumpConfigMemBufferPer1m of S390PVInfoDump, which is what each MiB takes.
//
// ioctl: KVM_S390_PV_COMMAND (vm) · cap: KVM_CAP_S390_PROTECTED_DUMP · arch: s390 · since: Linux 6.0 · doc: virt/kvm/api.rst "KVM_S390_PV_COMMAND"
func (vm *VM) S390PVDumpConfigStorState(addr uint64, buf []byte) error {
	const req = uapi.IoctlVMS390PVCommand
	if len(buf) == 0 || addr%(1<<20) != 0 {
		return invalid("%v: storage state from %#x on, %d bytes: want a multiple of 1 MiB, and some bytes", req, addr, len(buf))
	}
	return vm.pvDump(req, uapi.PVDumpConfigStorState, addr, buf)
}

// S390PVDumpComplete ends the dump and puts its key material into buf, which has at
// least the size DumpConfigFinalizeLen of S390PVInfoDump.
//
// ioctl: KVM_S390_PV_COMMAND (vm) · cap: KVM_CAP_S390_PROTECTED_DUMP · arch: s390 · since: Linux 6.0 · doc: virt/kvm/api.rst "KVM_S390_PV_COMMAND"
func (vm *VM) S390PVDumpComplete(buf []byte) error {
	const req = uapi.IoctlVMS390PVCommand
	if len(buf) == 0 {
		return invalid("%v: no room for the end of the dump", req)
	}
	return vm.pvDump(req, uapi.PVDumpComplete, 0, buf)
}

func (vm *VM) pvDump(req uapi.VMIoctl, subcommand, addr uint64, buf []byte) error {
	err := pinned(buf, func(buffer uint64) error {
		return pvWith(vm, req, uapi.PVDump, []uapi.S390PVDmp{{
			Subcmd: subcommand, BuffAddr: buffer, BuffLen: uint64(len(buf)), Gaddr: addr,
		}})
	})
	return explain(err, vm, uapi.CapS390ProtectedDump, "6.0")
}

// S390PVDumpCPU puts the vCPU's part of the dump into buf, which has the size
// DumpCPUBufferLen of S390PVInfoDump.
//
// ioctl: KVM_S390_PV_CPU_COMMAND (vcpu) · cap: KVM_CAP_S390_PROTECTED_DUMP · arch: s390 · since: Linux 6.0 · doc: virt/kvm/api.rst "KVM_S390_PV_CPU_COMMAND"
func (v *VCPU) S390PVDumpCPU(buf []byte) error {
	const req = uapi.IoctlVCPUS390PVCPUCommand
	if len(buf) == 0 {
		return invalid("%v: no room for the dump of a vCPU", req)
	}
	cmd := uapi.PVCmd{Cmd: uapi.PVDump}
	err := pinned(buf, func(buffer uint64) error {
		dump := []uapi.S390PVDmp{{Subcmd: uapi.PVDumpCPU, BuffAddr: buffer, BuffLen: uint64(len(buf))}}
		return pinned(dump, func(addr uint64) error {
			cmd.Data = addr
			return vcpuSet(v, req, &cmd)
		})
	})
	return explain(pvError(&cmd, err), v.vm, uapi.CapS390ProtectedDump, "6.0")
}
