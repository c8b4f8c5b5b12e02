package kvm

import "linuxkvm/uapi"

// SEVSendStart begins to send a guest to another machine. All three are
// certificates of the receiver's: its Diffie-Hellman key, its platform's, AMD's.
type SEVSendStart struct {
	PDHCert, PlatCerts, AMDCerts []byte
}

// SendStart makes the context for sending the guest and returns the session that
// the receiver needs, and the guest's policy.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 5.13 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_SEND_START"
func (s *SEV) SendStart(start SEVSendStart) (session []byte, policy uint32, err error) {
	const id = sevCommand(uapi.SEVCmdSendStart)
	if len(start.PDHCert) == 0 || len(start.PlatCerts) == 0 || len(start.AMDCerts) == 0 {
		return nil, 0, invalid("%v: want all three certificates", id)
	}
	if err := checkBlobs(id, start.PDHCert, start.PlatCerts, start.AMDCerts); err != nil {
		return nil, 0, err
	}
	session, err = s.sized(id, func(addr uint64, n uint32, mem *scratch) (uint32, error) {
		arg := uapi.SEVSendStart{SessionUaddr: addr, SessionLen: n}
		if n != 0 {
			arg.PdhCertUaddr, arg.PdhCertLen = mem.put(start.PDHCert), uint32(len(start.PDHCert))
			arg.PlatCertsUaddr, arg.PlatCertsLen = mem.put(start.PlatCerts), uint32(len(start.PlatCerts))
			arg.AmdCertsUaddr, arg.AmdCertsLen = mem.put(start.AMDCerts), uint32(len(start.AMDCerts))
		}
		err := sevRun(s, id, &arg, mem)
		policy = arg.Policy
		return arg.SessionLen, err
	})
	return session, policy, err
}

// SendUpdateData returns a piece of guest memory, within one page, encrypted for
// the receiver, with the header that goes with it.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 5.13 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_SEND_UPDATE_DATA"
func (s *SEV) SendUpdateData(guest MemoryRange) (header, data []byte, err error) {
	const id = sevCommand(uapi.SEVCmdSendUpdateData)
	addr, pin, err := guest.pin(id, 1)
	if err != nil {
		return nil, nil, err
	}
	defer pin.Release()
	if guest.Offset%pageSize()+guest.Size > pageSize() {
		return nil, nil, invalid("%v: %#x bytes at offset %#x, want them within one page", id, guest.Size, guest.Offset)
	}
	var mem scratch
	defer mem.free()
	var query uapi.SEVSendUpdateData
	if err := sevRun(s, id, &query, &mem); err != nil && (query.HdrLen == 0 || query.TransLen == 0) {
		return nil, nil, err
	}
	if query.HdrLen-1 >= sevBlobMax || query.TransLen-1 >= sevBlobMax {
		return nil, nil, invalid("%v: the firmware asks for %d and %d bytes, want 1 to %d", id, query.HdrLen, query.TransLen, sevBlobMax)
	}
	arg := uapi.SEVSendUpdateData{HdrLen: query.HdrLen, TransLen: query.TransLen, GuestUaddr: addr, GuestLen: uint32(guest.Size)}
	arg.HdrUaddr, header = mem.room(int(query.HdrLen))
	arg.TransUaddr, data = mem.room(int(query.TransLen))
	if err := sevRun(s, id, &arg, &mem); err != nil {
		return nil, nil, err
	}
	return append([]byte(nil), header...), append([]byte(nil), data...), nil
}

// SendFinish ends the sending, and the guest with it.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 5.13 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_SEND_FINISH"
func (s *SEV) SendFinish() error { return s.run(uapi.SEVCmdSendFinish) }

// SendCancel gives the sending up, so that it can begin anew.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 5.13 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_SEND_CANCEL"
func (s *SEV) SendCancel() error { return s.run(uapi.SEVCmdSendCancel) }

// SEVReceiveStart begins to receive a guest from another machine.
type SEVReceiveStart struct {
	Handle  uint32 // 0 for a new one
	Policy  uint32 // the guest's policy
	PDHCert []byte // the sender's Diffie-Hellman key
	Session []byte // what the sender's SendStart gave
}

// ReceiveStart makes the context for receiving the guest and returns its handle.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 5.13 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_RECEIVE_START"
func (s *SEV) ReceiveStart(start SEVReceiveStart) (handle uint32, err error) {
	const id = sevCommand(uapi.SEVCmdReceiveStart)
	if len(start.PDHCert) == 0 || len(start.Session) == 0 {
		return 0, invalid("%v: want a certificate and a session", id)
	}
	if err := checkBlobs(id, start.PDHCert, start.Session); err != nil {
		return 0, err
	}
	var mem scratch
	defer mem.free()
	arg := uapi.SEVReceiveStart{
		Handle: start.Handle, Policy: start.Policy,
		PdhUaddr: mem.put(start.PDHCert), PdhLen: uint32(len(start.PDHCert)),
		SessionUaddr: mem.put(start.Session), SessionLen: uint32(len(start.Session)),
	}
	err = sevRun(s, id, &arg, &mem)
	return arg.Handle, err
}

// ReceiveUpdateData puts what SendUpdateData gave into guest memory, within one
// page.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 5.13 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_RECEIVE_UPDATE_DATA"
func (s *SEV) ReceiveUpdateData(header, data []byte, guest MemoryRange) error {
	return s.packet(uapi.SEVCmdReceiveUpdateData, header, data, guest)
}

// ReceiveFinish ends the receiving: the guest can run.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 5.13 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_RECEIVE_FINISH"
func (s *SEV) ReceiveFinish() error { return s.run(uapi.SEVCmdReceiveFinish) }
