package kvm

import (
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"linuxkvm/uapi"
)

// SEVError is a command of SEV that failed.
type SEVError struct {
	Command string        // by its kernel name: "KVM_SEV_LAUNCH_START"
	Errno   syscall.Errno // what the kernel answered
	// Firmware is the status that the firmware gave, 0 when it gave none and
	// SEVNoFirmwareCall when it was not asked.
	Firmware uint32
}

// SEVNoFirmwareCall is the status of a command that did not get to the firmware.
const SEVNoFirmwareCall = 1<<32 - 1

func (e *SEVError) Error() string {
	s := fmt.Sprintf("kvm: %s: %v", e.Command, e.Errno)
	switch {
	case e.Firmware == SEVNoFirmwareCall:
		s += "; the firmware was not asked"
	case e.Firmware != 0:
		s += fmt.Sprintf("; the firmware says %#x (%s)", e.Firmware, sevStatus(e.Firmware))
	case e.Errno == syscall.ENOTTY:
		s += ": this host's processor, firmware or kvm_amd has no SEV of this kind, or the VM is not an SEV guest: Init2 on a VM of type uapi.X86SEVVM, X86SEVESVM or X86SNPVM makes it one"
	case e.Errno == syscall.EBADF:
		s += ": it needs the open /dev/sev"
	}
	return s
}

// Unwrap gives the errno to errors.Is and errors.As.
func (e *SEVError) Unwrap() error { return e.Errno }

// Is makes ENOTTY, the answer of a KVM without SEV, match ErrNotSupported.
func (e *SEVError) Is(target error) bool {
	return target == ErrNotSupported && e.Errno == syscall.ENOTTY
}

// sevError makes a SEVError of what the kernel answered to cmd.
func sevError(id fmt.Stringer, cmd *uapi.SEVCmd, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	return &SEVError{Command: id.String(), Errno: e.Errno, Firmware: cmd.Error}
}

// sevCommand is the id of a command.
type sevCommand uint32

func (c sevCommand) String() string {
	if name, ok := sevCommands[c]; ok {
		return "KVM_SEV_" + name
	}
	return "KVM_SEV command " + strconv.Itoa(int(c))
}

var sevCommands = map[sevCommand]string{
	uapi.SEVCmdInit:                 "INIT",
	uapi.SEVCmdESInit:               "ES_INIT",
	uapi.SEVCmdInit2:                "INIT2",
	uapi.SEVCmdLaunchStart:          "LAUNCH_START",
	uapi.SEVCmdLaunchUpdateData:     "LAUNCH_UPDATE_DATA",
	uapi.SEVCmdLaunchUpdateVMSA:     "LAUNCH_UPDATE_VMSA",
	uapi.SEVCmdLaunchSecret:         "LAUNCH_SECRET",
	uapi.SEVCmdLaunchMeasure:        "LAUNCH_MEASURE",
	uapi.SEVCmdLaunchFinish:         "LAUNCH_FINISH",
	uapi.SEVCmdSendStart:            "SEND_START",
	uapi.SEVCmdSendUpdateData:       "SEND_UPDATE_DATA",
	uapi.SEVCmdSendFinish:           "SEND_FINISH",
	uapi.SEVCmdSendCancel:           "SEND_CANCEL",
	uapi.SEVCmdReceiveStart:         "RECEIVE_START",
	uapi.SEVCmdReceiveUpdateData:    "RECEIVE_UPDATE_DATA",
	uapi.SEVCmdReceiveFinish:        "RECEIVE_FINISH",
	uapi.SEVCmdGuestStatus:          "GUEST_STATUS",
	uapi.SEVCmdDbgDecrypt:           "DBG_DECRYPT",
	uapi.SEVCmdDbgEncrypt:           "DBG_ENCRYPT",
	uapi.SEVCmdGetAttestationReport: "GET_ATTESTATION_REPORT",
	uapi.SEVCmdSNPLaunchStart:       "SNP_LAUNCH_START",
	uapi.SEVCmdSNPLaunchUpdate:      "SNP_LAUNCH_UPDATE",
	uapi.SEVCmdSNPLaunchFinish:      "SNP_LAUNCH_FINISH",
	uapi.SEVCmdSNPEnableReqCerts:    "SNP_ENABLE_REQ_CERTS",
}

// sevStatus names a status of the firmware, in the words of AMD's specification.
func sevStatus(status uint32) string {
	if name, ok := sevStatuses[status]; ok {
		return name
	}
	return "a status that this package does not know"
}

var sevStatuses = map[uint32]string{
	0x01: "INVALID_PLATFORM_STATE", 0x02: "INVALID_GUEST_STATE", 0x03: "INVALID_CONFIG", 0x04: "INVALID_LENGTH",
	0x05: "ALREADY_OWNED", 0x06: "INVALID_CERTIFICATE", 0x07: "POLICY_FAILURE", 0x08: "INACTIVE",
	0x09: "INVALID_ADDRESS", 0x0a: "BAD_SIGNATURE", 0x0b: "BAD_MEASUREMENT", 0x0c: "ASID_OWNED",
	0x0d: "INVALID_ASID", 0x0e: "WBINVD_REQUIRED", 0x0f: "DFFLUSH_REQUIRED", 0x10: "INVALID_GUEST",
	0x11: "INVALID_COMMAND", 0x12: "ACTIVE", 0x13: "HWERROR_PLATFORM", 0x14: "HWERROR_UNSAFE",
	0x15: "UNSUPPORTED", 0x16: "INVALID_PARAM", 0x17: "RESOURCE_LIMIT", 0x18: "SECURE_DATA_INVALID",
	0x19: "INVALID_PAGE_SIZE", 0x1a: "INVALID_PAGE_STATE", 0x1b: "INVALID_MDATA_ENTRY", 0x1c: "INVALID_PAGE_OWNER",
	0x1d: "AEAD_OFLOW", 0x1f: "RING_BUFFER_EXIT", 0x20: "RMP_INIT_REQUIRED", 0x21: "BAD_SVN",
	0x22: "BAD_VERSION", 0x23: "SHUTDOWN_REQUIRED", 0x24: "UPDATE_FAILED", 0x25: "RESTORE_REQUIRED",
	0x26: "RMP_INITIALIZATION_FAILED", 0x27: "INVALID_KEY", 0x28: "SHUTDOWN_INCOMPLETE",
}
