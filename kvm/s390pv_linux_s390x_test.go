package kvm

import (
	"errors"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

func TestS390PVArguments(t *testing.T) {
	vm := fakeVM(t)
	for name, command := range map[string]func() error{
		"KVM_PV_ENABLE": vm.S390PVEnable, "KVM_PV_DISABLE": vm.S390PVDisable, "KVM_PV_VERIFY": vm.S390PVVerify,
		"KVM_PV_PREP_RESET": vm.S390PVPrepReset, "KVM_PV_UNSHARE_ALL": vm.S390PVUnshareAll,
		"KVM_PV_ASYNC_CLEANUP_PREPARE": vm.S390PVAsyncCleanupPrepare,
		"KVM_PV_ASYNC_CLEANUP_PERFORM": vm.S390PVAsyncCleanupPerform,
		"KVM_PV_DUMP":                  vm.S390PVDumpInit,
	} {
		err := command()
		reached(t, err)
		var pv *S390PVError
		if !errors.As(err, &pv) || pv.Command != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused(t, vm.S390PVSetSecParms(nil), "0 bytes")
	refused(t, vm.S390PVSetSecParms(make([]byte, 1<<20+1)), "1 MiB")
	reached(t, vm.S390PVSetSecParms(make([]byte, 640)))
	refused(t, vm.S390PVUnpack(0, 0, 1), "0x0")
	refused(t, vm.S390PVUnpack(0x1001, 4096, 1), "0x1001")
	refused(t, vm.S390PVUnpack(0, 4095, 1), "0xfff")
	reached(t, vm.S390PVUnpack(0x1000, 4096, 1))
	_, err := vm.S390PVInfoVM()
	reached(t, err)
	_, err = vm.S390PVInfoDump()
	reached(t, err)
	refused(t, vm.S390PVDumpConfigStorState(1, []byte{0}), "1 MiB")
	refused(t, vm.S390PVDumpConfigStorState(0, nil), "0 bytes")
	reached(t, vm.S390PVDumpConfigStorState(1<<20, make([]byte, 4096)))
	refused(t, vm.S390PVDumpComplete(nil), "no room")
	reached(t, vm.S390PVDumpComplete(make([]byte, 4096)))
	v := fakeVCPUOf(t, vm)
	refused(t, v.S390PVDumpCPU(nil), "no room")
	reached(t, v.S390PVDumpCPU(make([]byte, 4096)))
}

func TestS390PVError(t *testing.T) {
	from := opError(uapi.IoctlVMS390PVCommand, syscall.EIO)
	err := pvError(&uapi.PVCmd{Cmd: uapi.PVVerify, RC: 0x102, RRC: 7}, from)
	wantError(t, err, syscall.EIO, "KVM_S390_PV_COMMAND", "KVM_PV_VERIFY", "0x102", "0x7")
	wantError(t, pvError(&uapi.PVCmd{}, opError(uapi.IoctlVMS390PVCommand, ErrClosed)), ErrClosed)
	if err := pvError(&uapi.PVCmd{}, nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	for number, name := range pvCommands {
		if name == "" {
			t.Errorf("command %d has no name", number)
		}
	}
}
