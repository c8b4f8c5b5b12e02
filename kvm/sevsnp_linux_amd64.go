package kvm

import (
	"errors"
	"math"
	"syscall"

	"linuxkvm/uapi"
)

// SNPLaunchStart makes the encryption context of an SEV-SNP guest. gosvw is what
// the guest is told of the workarounds that it sees.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: KVM_CAP_VM_TYPES · arch: x86 · since: Linux 6.11 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_SNP_LAUNCH_START"
func (s *SEV) SNPLaunchStart(policy uint64, gosvw [16]byte) error {
	var mem scratch
	defer mem.free()
	return sevRun(s, uapi.SEVCmdSNPLaunchStart, &uapi.SEVSNPLaunchStart{Policy: policy, Gosvw: gosvw}, &mem)
}

// SNPLaunchUpdate copies memory into private guest memory, from the guest frame
// number gfn on, encrypts it there and makes it part of the measurement. kind is
// uapi.SEVSNPPageTypeNormal, SEVSNPPageTypeZero (of source only the Size is used),
// SEVSNPPageTypeUnmeasured, SEVSNPPageTypeSecrets or SEVSNPPageTypeCPUID, for which
// the firmware may correct the source when it refuses it. The frames must be private
// already, by SetMemoryAttributes, and source whole pages. After an error part of it
// may be done.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: KVM_CAP_VM_TYPES · arch: x86 · since: Linux 6.11 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_SNP_LAUNCH_UPDATE"
func (s *SEV) SNPLaunchUpdate(gfn uint64, kind uint8, source MemoryRange) error {
	const id = sevCommand(uapi.SEVCmdSNPLaunchUpdate)
	arg := uapi.SEVSNPLaunchUpdate{GFNStart: gfn, Type: kind}
	if kind == uapi.SEVSNPPageTypeZero && source.Region == nil {
		if source.Size == 0 || source.Size%pageSize() != 0 {
			return invalid("%v: size %#x must be a multiple of the page size and not 0", id, source.Size)
		}
	} else {
		addr, pin, err := source.pin(id, pageSize())
		if err != nil {
			return err
		}
		defer pin.Release()
		arg.Uaddr = addr
	}
	arg.Len = source.Size
	if gfn > (math.MaxUint64-source.Size)/pageSize() {
		return invalid("%v: %#x bytes from the frame %#x on wrap around", id, source.Size, gfn)
	}
	return s.snpUpdate(id, &arg)
}

// snpUpdate issues the command until all is done: the kernel may stop before, and
// then says in arg what is left.
func (s *SEV) snpUpdate(id sevCommand, arg *uapi.SEVSNPLaunchUpdate) error {
	for arg.Len > 0 {
		left := arg.Len
		var mem scratch
		err := sevRun(s, id, arg, &mem)
		mem.free()
		if errors.Is(err, syscall.EAGAIN) {
			continue
		}
		if err != nil {
			return err
		}
		if arg.Len >= left {
			return invalid("%v: the kernel says that %#x bytes are left of %#x", id, arg.Len, left)
		}
	}
	return nil
}

// SNPLaunchFinish ends the launch of an SEV-SNP guest.
type SNPLaunchFinish struct {
	// IDBlock and IDAuth are who the guest is and a signature of that, of
	// uapi.SEVSNPIDBlockSize and SEVSNPIDAuthSize bytes; both or neither.
	IDBlock, IDAuth []byte
	// AuthKey says that IDAuth has the author's key too.
	AuthKey bool
	// VCEKDisabled keeps the guest from reports that are signed with the chip's key.
	VCEKDisabled bool
	// HostData is what the guest's reports show of the host's.
	HostData [uapi.SEVSNPFinishDataSize]byte
}

// SNPLaunchFinish measures every vCPU and ends the launch: the guest can run.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: KVM_CAP_VM_TYPES · arch: x86 · since: Linux 6.11 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_SNP_LAUNCH_FINISH"
func (s *SEV) SNPLaunchFinish(f SNPLaunchFinish) error {
	const id = sevCommand(uapi.SEVCmdSNPLaunchFinish)
	var mem scratch
	defer mem.free()
	arg := uapi.SEVSNPLaunchFinish{HostData: f.HostData, VCEKDisabled: oneIf(f.VCEKDisabled)}
	if len(f.IDBlock) != 0 || len(f.IDAuth) != 0 {
		if len(f.IDBlock) != uapi.SEVSNPIDBlockSize || len(f.IDAuth) != uapi.SEVSNPIDAuthSize {
			return invalid("%v: an id block of %d bytes with %d that sign it, want %d and %d, or none", id, len(f.IDBlock), len(f.IDAuth), uapi.SEVSNPIDBlockSize, uapi.SEVSNPIDAuthSize)
		}
		arg.IDBlockEn, arg.AuthKeyEn = 1, oneIf(f.AuthKey)
		arg.IDBlockUaddr, arg.IDAuthUaddr = mem.put(f.IDBlock), mem.put(f.IDAuth)
	} else if f.AuthKey {
		return invalid("%v: AuthKey without an id block", id)
	}
	return sevRun(s, id, &arg, &mem)
}

// SNPEnableReqCerts makes a guest's request for a report with certificates an exit
// (Exit.SNPReqCerts). It comes after Init2 and before the first vCPU.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: KVM_CAP_VM_TYPES · arch: x86 · since: Linux 7.0 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_SNP_ENABLE_REQ_CERTS"
func (s *SEV) SNPEnableReqCerts() error { return s.run(uapi.SEVCmdSNPEnableReqCerts) }
