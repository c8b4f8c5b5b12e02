package kvm

import (
	"errors"
	"fmt"
	"reflect"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// S390PVError is a command to the ultravisor, which has the secure guests, that
// failed. RC and RRC are 0 when KVM refused it without asking.
type S390PVError struct {
	Command string // "KVM_PV_ENABLE"
	RC      uint16 // the ultravisor's return code
	RRC     uint16 // and return reason code
	Err     error  // what KVM made of it
}

func (e *S390PVError) Error() string {
	return fmt.Sprintf("%v (%s: ultravisor return code %#x, reason %#x)", e.Err, e.Command, e.RC, e.RRC)
}

// Unwrap gives the *Error to errors.As, and the errno in it.
func (e *S390PVError) Unwrap() error { return e.Err }

// pvCommands are the names of the commands by number.
var pvCommands = [...]string{
	uapi.PVEnable:              "KVM_PV_ENABLE",
	uapi.PVDisable:             "KVM_PV_DISABLE",
	uapi.PVSetSecParms:         "KVM_PV_SET_SEC_PARMS",
	uapi.PVUnpack:              "KVM_PV_UNPACK",
	uapi.PVVerify:              "KVM_PV_VERIFY",
	uapi.PVPrepReset:           "KVM_PV_PREP_RESET",
	uapi.PVUnshareAll:          "KVM_PV_UNSHARE_ALL",
	uapi.PVInfo:                "KVM_PV_INFO",
	uapi.PVDump:                "KVM_PV_DUMP",
	uapi.PVAsyncCleanupPrepare: "KVM_PV_ASYNC_CLEANUP_PREPARE",
	uapi.PVAsyncCleanupPerform: "KVM_PV_ASYNC_CLEANUP_PERFORM",
}

// S390PVEnable makes the VM and its vCPUs protected ones: the host gives memory to
// the ultravisor and cannot read the guest's any more. It can take long.
//
// ioctl: KVM_S390_PV_COMMAND (vm) · cap: KVM_CAP_S390_PROTECTED · arch: s390 · since: Linux 5.7 · doc: virt/kvm/api.rst "KVM_S390_PV_COMMAND"
func (vm *VM) S390PVEnable() error { return vm.pv(uapi.IoctlVMS390PVCommand, uapi.PVEnable) }

// S390PVDisable makes a protected VM an ordinary one, whose memory is cleared. It
// can take long, and also clears what S390PVAsyncCleanupPrepare has set aside.
//
// ioctl: KVM_S390_PV_COMMAND (vm) · cap: KVM_CAP_S390_PROTECTED · arch: s390 · since: Linux 5.7 · doc: virt/kvm/api.rst "KVM_S390_PV_COMMAND"
func (vm *VM) S390PVDisable() error { return vm.pv(uapi.IoctlVMS390PVCommand, uapi.PVDisable) }

// S390PVAsyncCleanupPrepare makes a protected VM an ordinary one at once, and sets
// its protected memory aside for S390PVAsyncCleanupPerform. Only one can be set
// aside: EINVAL, and S390PVDisable is the way then.
//
// ioctl: KVM_S390_PV_COMMAND (vm) · cap: KVM_CAP_S390_PROTECTED_ASYNC_DISABLE · arch: s390 · since: Linux 6.2 · doc: virt/kvm/api.rst "KVM_S390_PV_COMMAND"
func (vm *VM) S390PVAsyncCleanupPrepare() error {
	err := vm.pv(uapi.IoctlVMS390PVCommand, uapi.PVAsyncCleanupPrepare)
	return explain(err, vm, uapi.CapS390ProtectedAsyncDisable, "6.2")
}

// S390PVAsyncCleanupPerform clears what S390PVAsyncCleanupPrepare has set aside. It
// takes long, and is for a goroutine of its own.
//
// ioctl: KVM_S390_PV_COMMAND (vm) · cap: KVM_CAP_S390_PROTECTED_ASYNC_DISABLE · arch: s390 · since: Linux 6.2 · doc: virt/kvm/api.rst "KVM_S390_PV_COMMAND"
func (vm *VM) S390PVAsyncCleanupPerform() error {
	err := vm.pv(uapi.IoctlVMS390PVCommand, uapi.PVAsyncCleanupPerform)
	return explain(err, vm, uapi.CapS390ProtectedAsyncDisable, "6.2")
}

// S390PVSetSecParms gives the ultravisor the header of the encrypted image that
// the guest is to boot: up to 1 MiB, and 8 KiB on kernels that answer EINVAL to
// more.
//
// ioctl: KVM_S390_PV_COMMAND (vm) · cap: KVM_CAP_S390_PROTECTED · arch: s390 · since: Linux 5.7 · doc: virt/kvm/api.rst "KVM_S390_PV_COMMAND"
func (vm *VM) S390PVSetSecParms(header []byte) error {
	const req = uapi.IoctlVMS390PVCommand
	if len(header) == 0 || len(header) > 1<<20 {
		return invalid("%v: an image header of %d bytes: want 1 byte to 1 MiB", req, len(header))
	}
	return pinned(header, func(addr uint64) error {
		parms := []uapi.S390PVSecParm{{Origin: addr, Length: uint64(len(header))}}
		return pvWith(vm, req, uapi.PVSetSecParms, parms)
	})
}

// S390PVUnpack decrypts guest memory: size bytes of the image at the
// guest-absolute address addr, both multiples of the page size. tweak is what the
// image says of its first page.
//
// ioctl: KVM_S390_PV_COMMAND (vm) · cap: KVM_CAP_S390_PROTECTED · arch: s390 · since: Linux 5.7 · doc: virt/kvm/api.rst "KVM_S390_PV_COMMAND"
func (vm *VM) S390PVUnpack(addr, size, tweak uint64) error {
	const req = uapi.IoctlVMS390PVCommand
	if page := uint64(sys.PageSize()); size == 0 || (addr|size)%page != 0 {
		return invalid("%v: unpack %#x bytes at %#x: want multiples of %#x, and some bytes", req, size, addr, page)
	}
	return pvWith(vm, req, uapi.PVUnpack, []uapi.S390PVUnp{{Addr: addr, Size: size, Tweak: tweak}})
}

// S390PVVerify has the ultravisor check the image that was unpacked. The guest can
// start after that.
//
// ioctl: KVM_S390_PV_COMMAND (vm) · cap: KVM_CAP_S390_PROTECTED · arch: s390 · since: Linux 5.7 · doc: virt/kvm/api.rst "KVM_S390_PV_COMMAND"
func (vm *VM) S390PVVerify() error { return vm.pv(uapi.IoctlVMS390PVCommand, uapi.PVVerify) }

// S390PVPrepReset prepares the ultravisor for a reset of the VM.
//
// ioctl: KVM_S390_PV_COMMAND (vm) · cap: KVM_CAP_S390_PROTECTED · arch: s390 · since: Linux 5.7 · doc: virt/kvm/api.rst "KVM_S390_PV_COMMAND"
func (vm *VM) S390PVPrepReset() error { return vm.pv(uapi.IoctlVMS390PVCommand, uapi.PVPrepReset) }

// S390PVUnshareAll takes back all pages that the guest shares with the host.
//
// ioctl: KVM_S390_PV_COMMAND (vm) · cap: KVM_CAP_S390_PROTECTED · arch: s390 · since: Linux 5.7 · doc: virt/kvm/api.rst "KVM_S390_PV_COMMAND"
func (vm *VM) S390PVUnshareAll() error { return vm.pv(uapi.IoctlVMS390PVCommand, uapi.PVUnshareAll) }

// S390PVInfoVM returns what the ultravisor can do. The VM need not be protected.
//
// ioctl: KVM_S390_PV_COMMAND (vm) · cap: KVM_CAP_S390_PROTECTED_DUMP · arch: s390 · since: Linux 6.0 · doc: virt/kvm/api.rst "KVM_S390_PV_COMMAND"
func (vm *VM) S390PVInfoVM() (uapi.S390PVInfoVM, error) {
	info, err := vm.pvInfo(uapi.IoctlVMS390PVCommand, uapi.PVInfoVM)
	return *info.VM(), err
}

// S390PVInfoDump returns how large the parts of a dump are, in bytes. The VM need
// not be protected.
//
// ioctl: KVM_S390_PV_COMMAND (vm) · cap: KVM_CAP_S390_PROTECTED_DUMP · arch: s390 · since: Linux 6.0 · doc: virt/kvm/api.rst "KVM_S390_PV_COMMAND"
func (vm *VM) S390PVInfoDump() (uapi.S390PVInfoDump, error) {
	info, err := vm.pvInfo(uapi.IoctlVMS390PVCommand, uapi.PVInfoDump)
	return *info.Dump(), err
}

// pvInfo asks for as much as there is room for, which KVM does not exceed.
func (vm *VM) pvInfo(req uapi.VMIoctl, id uint32) (uapi.S390PVInfo, error) {
	info := []uapi.S390PVInfo{{Header: uapi.S390PVInfoHeader{
		ID: id, LenMax: uint32(reflect.TypeFor[uapi.S390PVInfo]().Size()),
	}}}
	err := pvWith(vm, req, uapi.PVInfo, info)
	return info[0], explain(err, vm, uapi.CapS390ProtectedDump, "6.0")
}

func (vm *VM) pv(req uapi.VMIoctl, command uint32) error { return pvWith[byte](vm, req, command, nil) }

// pvWith gives a command with the address of its data.
func pvWith[T any](vm *VM, req uapi.VMIoctl, command uint32, data []T) error {
	cmd := uapi.PVCmd{Cmd: command}
	err := pinned(data, func(addr uint64) error {
		cmd.Data = addr
		return vmSet(vm, req, &cmd)
	})
	return explain(pvError(&cmd, err), vm, uapi.CapS390Protected, "5.7")
}

// pvError adds what the ultravisor said, which KVM leaves in the command.
func pvError(cmd *uapi.PVCmd, err error) error {
	var refused *Error
	if !errors.As(err, &refused) {
		return err
	}
	return &S390PVError{Command: pvCommands[cmd.Cmd], RC: cmd.RC, RRC: cmd.RRC, Err: err}
}
