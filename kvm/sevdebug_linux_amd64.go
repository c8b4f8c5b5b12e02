package kvm

import "linuxkvm/uapi"

// sevDbgMax is the most that one command debugs, in bytes.
const sevDbgMax = 1 << 30

// DbgDecrypt returns what guest memory holds, decrypted, for a guest whose policy
// allows that.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 4.16 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_DBG_DECRYPT"
func (s *SEV) DbgDecrypt(guest MemoryRange) ([]byte, error) {
	const id = sevCommand(uapi.SEVCmdDbgDecrypt)
	addr, pin, err := guest.pin(id, 1)
	if err != nil {
		return nil, err
	}
	defer pin.Release()
	if guest.Size > sevDbgMax {
		return nil, invalid("%v: %#x bytes, want at most %#x", id, guest.Size, sevDbgMax)
	}
	var mem scratch
	defer mem.free()
	to, plain := mem.room(int(guest.Size))
	err = sevRun(s, id, &uapi.SEVDbg{SrcUaddr: addr, DstUaddr: to, Len: uint32(guest.Size)}, &mem)
	if err != nil {
		return nil, err
	}
	return append([]byte(nil), plain...), nil
}

// DbgEncrypt writes plain to guest memory, encrypted, for a guest whose policy
// allows that. guest is as large as plain.
//
// ioctl: KVM_MEMORY_ENCRYPT_OP (vm) · cap: basic · arch: x86 · since: Linux 4.16 · doc: virt/kvm/x86/amd-memory-encryption.rst "KVM_SEV_DBG_ENCRYPT"
func (s *SEV) DbgEncrypt(guest MemoryRange, plain []byte) error {
	const id = sevCommand(uapi.SEVCmdDbgEncrypt)
	addr, pin, err := guest.pin(id, 1)
	if err != nil {
		return err
	}
	defer pin.Release()
	if guest.Size > sevDbgMax || guest.Size != uint64(len(plain)) {
		return invalid("%v: %#x bytes for %#x of guest memory, want as many and at most %#x", id, len(plain), guest.Size, sevDbgMax)
	}
	var mem scratch
	defer mem.free()
	return sevRun(s, id, &uapi.SEVDbg{SrcUaddr: mem.put(plain), DstUaddr: addr, Len: uint32(len(plain))}, &mem)
}
