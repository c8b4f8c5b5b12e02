package kvm

import "linuxkvm/uapi"

// SEVLaunchStart begins the launch of a guest.
type SEVLaunchStart struct {
	Handle  uint32 // of a guest whose key to share, or 0 for a new one
	Policy  uint32 // the guest's policy, as AMD's specification has it
	DHCert  []byte // the guest owner's Diffie-Hellman key, or nothing
	Session []byte // the guest owner's session, or nothing
}

// LaunchStart makes the guest's encryption context and returns its handle.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 4.16 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_LAUNCH_START"
func (s *SEV) LaunchStart(start SEVLaunchStart) (handle uint32, err error) {
	var mem scratch
	defer mem.free()
	if err := checkBlobs(uapi.SEVCmdLaunchStart, start.DHCert, start.Session); err != nil {
		return 0, err
	}
	arg := uapi.SEVLaunchStart{
		Handle: start.Handle, Policy: start.Policy,
		DhUaddr: mem.put(start.DHCert), DhLen: uint32(len(start.DHCert)),
		SessionUaddr: mem.put(start.Session), SessionLen: uint32(len(start.Session)),
	}
	err = sevRun(s, uapi.SEVCmdLaunchStart, &arg, &mem)
	return arg.Handle, err
}

// LaunchUpdateData encrypts guest memory in place and makes it part of the
// measurement. Its ends must be multiples of 16. The memory should be registered
// with MemoryEncryptRegRegion before.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 4.16 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_LAUNCH_UPDATE_DATA"
func (s *SEV) LaunchUpdateData(guest MemoryRange) error {
	const id = sevCommand(uapi.SEVCmdLaunchUpdateData)
	addr, pin, err := guest.pin(id, 16)
	if err != nil {
		return err
	}
	defer pin.Release()
	const most = 1 << 30 // the kernel's length has 32 bits
	for done := uint64(0); done < guest.Size; done += most {
		if err := s.launchUpdate(id, addr+done, uint32(min(guest.Size-done, most))); err != nil {
			return err
		}
	}
	return nil
}

func (s *SEV) launchUpdate(id sevCommand, addr uint64, n uint32) error {
	var mem scratch
	defer mem.free()
	return sevRun(s, id, &uapi.SEVLaunchUpdateData{Uaddr: addr, Len: n}, &mem)
}

// LaunchUpdateVMSA encrypts the registers of every vCPU of an SEV-ES guest and
// makes them part of the measurement.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 5.11 · doc: none
func (s *SEV) LaunchUpdateVMSA() error { return s.run(uapi.SEVCmdLaunchUpdateVMSA) }

// LaunchMeasure returns the measurement of what was encrypted, for the guest's
// owner to check.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 4.16 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_LAUNCH_MEASURE"
func (s *SEV) LaunchMeasure() ([]byte, error) {
	return s.sized(uapi.SEVCmdLaunchMeasure, func(addr uint64, n uint32, mem *scratch) (uint32, error) {
		arg := uapi.SEVLaunchMeasure{Uaddr: addr, Len: n}
		err := sevRun(s, uapi.SEVCmdLaunchMeasure, &arg, mem)
		return arg.Len, err
	})
}

// LaunchSecret puts a secret, packed by the guest's owner, into guest memory, which
// is one contiguous piece of host memory: a page, or part of one.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 4.16 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_LAUNCH_SECRET"
func (s *SEV) LaunchSecret(header, secret []byte, guest MemoryRange) error {
	return s.packet(uapi.SEVCmdLaunchSecret, header, secret, guest)
}

// packet issues a command that puts an encrypted packet into guest memory.
func (s *SEV) packet(id sevCommand, header, data []byte, guest MemoryRange) error {
	if len(header) == 0 || len(data) == 0 {
		return invalid("%v: a header of %d bytes with data of %d, want some of both", id, len(header), len(data))
	}
	if err := checkBlobs(id, header, data); err != nil {
		return err
	}
	addr, pin, err := guest.pin(id, 1)
	if err != nil {
		return err
	}
	defer pin.Release()
	if guest.Size > sevBlobMax {
		return invalid("%v: %#x bytes of guest memory, want at most %#x", id, guest.Size, sevBlobMax)
	}
	var mem scratch
	defer mem.free()
	// The struct is the same for LAUNCH_SECRET and RECEIVE_UPDATE_DATA.
	return sevRun(s, id, &uapi.SEVLaunchSecret{
		HdrUaddr: mem.put(header), HdrLen: uint32(len(header)),
		GuestUaddr: addr, GuestLen: uint32(guest.Size),
		TransUaddr: mem.put(data), TransLen: uint32(len(data)),
	}, &mem)
}

// LaunchFinish ends the launch: the guest can run.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 4.16 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_LAUNCH_FINISH"
func (s *SEV) LaunchFinish() error { return s.run(uapi.SEVCmdLaunchFinish) }

// AttestationReport returns the signed report of what was launched, with nonce in
// it.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 5.13 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_GET_ATTESTATION_REPORT"
func (s *SEV) AttestationReport(nonce [16]byte) ([]byte, error) {
	return s.sized(uapi.SEVCmdGetAttestationReport, func(addr uint64, n uint32, mem *scratch) (uint32, error) {
		arg := uapi.SEVAttestationReport{Mnonce: nonce, Uaddr: addr, Len: n}
		err := sevRun(s, uapi.SEVCmdGetAttestationReport, &arg, mem)
		return arg.Len, err
	})
}

// sevBlobMax is the most that the kernel takes or gives in one blob, in bytes.
const sevBlobMax = 16 << 10

// sized calls do twice, without room to learn the length, and with room for that.
// The first of them fails, as the firmware says INVALID_LENGTH.
func (s *SEV) sized(id sevCommand, do func(addr uint64, n uint32, mem *scratch) (uint32, error)) ([]byte, error) {
	var mem scratch
	defer mem.free()
	n, err := do(0, 0, &mem)
	if n == 0 && err != nil {
		return nil, err
	}
	if n == 0 || n > sevBlobMax {
		return nil, invalid("%v: the firmware asks for %d bytes, want 1 to %d", id, n, sevBlobMax)
	}
	addr, there := mem.room(int(n))
	got, err := do(addr, n, &mem)
	if err != nil {
		return nil, err
	}
	return append([]byte(nil), there[:min(got, n)]...), nil
}

func checkBlobs(id sevCommand, blobs ...[]byte) error {
	for _, b := range blobs {
		if len(b) > sevBlobMax {
			return invalid("%v: a blob of %d bytes, want at most %d", id, len(b), sevBlobMax)
		}
	}
	return nil
}
