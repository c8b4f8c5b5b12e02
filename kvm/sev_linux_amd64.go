package kvm

import (
	"errors"
	"os"
	"syscall"

	"linuxkvm/uapi"
)

// SEV is what a VM does with AMD's Secure Encrypted Virtualization, whose firmware
// encrypts the guest's memory: the commands of KVM_MEMORY_ENCRYPT_OP. They fail
// with a *SEVError. It is safe for concurrent use; the kernel takes one command
// after the other.
//
// A guest of SEV is made in this order: CreateVMType with uapi.X86SEVVM or
// X86SEVESVM, Init2, memory and vCPUs, LaunchStart, LaunchUpdateData,
// LaunchUpdateVMSA for SEV-ES, LaunchMeasure, LaunchSecret if there is one,
// LaunchFinish. With X86SNPVM it is Init2, SNPLaunchStart, SNPLaunchUpdate,
// SNPLaunchFinish.
//
// The ids KVM_SEV_CERT_EXPORT, KVM_SEV_SEND_UPDATE_VMSA and
// KVM_SEV_RECEIVE_UPDATE_VMSA are in the header, but no kernel has the commands.
type SEV struct {
	device *os.File
	issue  func(cmd *uapi.SEVCmd, mem *scratch) error
}

// SEV returns the VM's commands for SEV. device is an open /dev/sev, through which
// the kernel talks to the firmware: it must stay open, with the number it has, for
// as long as there are commands. Init, ESInit and Init2 do without, where it may be
// nil.
func (vm *VM) SEV(device *os.File) *SEV {
	return &SEV{device: device, issue: func(cmd *uapi.SEVCmd, _ *scratch) error { return vm.memoryEncryptOp(cmd) }}
}

// memoryEncryptOp issues one command.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 4.16 · doc: virt/kvm/api.rst "KVM_MEMORY_ENCRYPT_OP"
func (vm *VM) memoryEncryptOp(cmd *uapi.SEVCmd) error {
	return vmSet(vm, uapi.IoctlVMMemoryEncryptOp, cmd)
}

// SEVEnabled reports whether the host's KVM can make SEV guests. (For a VM of type
// uapi.X86TDXVM the answer means nothing.)
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 4.16 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_MEMORY_ENCRYPT_OP"
func (vm *VM) SEVEnabled() (bool, error) {
	_, err := vmNumber(vm, uapi.IoctlVMMemoryEncryptOp, 0)
	switch {
	case errors.Is(err, syscall.ENOTTY):
		return false, nil
	case errors.Is(err, syscall.EFAULT):
		return true, nil // older kernels read the command all the same
	}
	return err == nil, err
}

// run issues a command without arguments.
func (s *SEV) run(id sevCommand) error {
	var mem scratch
	return s.runAt(id, 0, &mem)
}

// sevRun issues a command whose arguments are arg, which may hold addresses in mem,
// and which the kernel may answer in.
func sevRun[T any](s *SEV, id sevCommand, arg *T, mem *scratch) error {
	b := structBytes(arg)
	addr, there := mem.room(len(b))
	copy(there, b)
	err := s.runAt(id, addr, mem)
	copy(b, there)
	return err
}

func (s *SEV) runAt(id sevCommand, data uint64, mem *scratch) error {
	if mem.err != nil {
		return mem.err
	}
	cmd := uapi.SEVCmd{ID: uint32(id), Data: data, SEVFD: ^uint32(0)}
	if s.device == nil {
		return sevError(id, &cmd, s.issue(&cmd, mem))
	}
	conn, err := s.device.SyscallConn()
	if err != nil {
		return opError(id, ErrClosed)
	}
	var issueErr error
	err = conn.Control(func(fd uintptr) {
		cmd.SEVFD = uint32(fd)
		issueErr = s.issue(&cmd, mem)
	})
	if err != nil {
		return opError(id, ErrClosed)
	}
	return sevError(id, &cmd, issueErr)
}

// Init makes the VM, of the default type, an SEV guest: as the kernels before
// Init2 do it. ESInit does so for SEV-ES.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 4.16 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_INIT"
func (s *SEV) Init() error { return s.run(uapi.SEVCmdInit) }

// ESInit is Init for SEV-ES, which encrypts the registers too.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 5.11 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_ES_INIT"
func (s *SEV) ESInit() error { return s.run(uapi.SEVCmdESInit) }

// Init2 initializes a VM of type uapi.X86SEVVM, X86SEVESVM or X86SNPVM. It comes
// before the first vCPU. vmsaFeatures is the first value of SEV_FEATURES in the
// guest's VMSAs, out of those that the system's attribute uapi.X86SEVVMSAFeatures
// (group X86GrpSEV) has. ghcbVersion is the highest version of the GHCB protocol
// that the guest may use, or 0 for KVM's choice. Both are 0 for X86SEVVM.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: KVM_CAP_VM_TYPES · arch: x86 · since: Linux 6.10 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_INIT2"
func (s *SEV) Init2(vmsaFeatures uint64, ghcbVersion uint16) error {
	var mem scratch
	defer mem.free()
	return sevRun(s, uapi.SEVCmdInit2, &uapi.SEVInit{VMSAFeatures: vmsaFeatures, GHCBVersion: ghcbVersion}, &mem)
}

// GuestStatus returns the guest's handle and policy in the firmware, and its state:
// 1 while it is launched, 2 while it may get a secret, 3 when it runs, 4 while it is
// received and 5 while it is sent.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 4.16 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_GUEST_STATUS"
func (s *SEV) GuestStatus() (uapi.SEVGuestStatus, error) {
	var mem scratch
	defer mem.free()
	var status uapi.SEVGuestStatus
	err := sevRun(s, uapi.SEVCmdGuestStatus, &status, &mem)
	return status, err
}
