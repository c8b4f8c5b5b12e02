package kvm

import (
	"fmt"
	"math"

	"linuxkvm/uapi"
)

// S390MemAccess says how KVM reaches guest memory for the caller. The zero value
// is without storage-key protection.
type S390MemAccess struct {
	// AR is the access register, 0 to 15, that a logical address may go with.
	AR uint8
	// CheckKey has storage keys checked, with the access key Key, 0 to 15.
	CheckKey bool
	Key      uint8
	// Inject gives the guest the exception that a logical access causes.
	Inject bool
}

// S390ProgramError says that an access to guest memory causes a program exception
// in the guest.
type S390ProgramError struct {
	Op   string // "KVM_S390_MEM_OP"
	Addr uint64 // where the access was, or the part of it that failed
	Code int    // the exception's number: 5 is addressing, 4 protection
	Done int    // how many bytes before Addr were read or written
}

func (e *S390ProgramError) Error() string {
	return fmt.Sprintf("kvm: %s: guest address %#x: program exception %#x (%d bytes before it were done)", e.Op, e.Addr, e.Code, e.Done)
}

// memOpMax is the most bytes that KVM takes in one call, on every kernel.
const memOpMax = 64 << 10

// S390MemOpLogicalRead copies guest memory at a logical address into p, through
// the guest's own address translation. An *S390ProgramError is the guest's fault.
//
// ioctl: KVM_S390_MEM_OP (vcpu) · cap: KVM_CAP_S390_MEM_OP · arch: s390 · since: Linux 4.1 · doc: virt/kvm/api.rst "KVM_S390_MEM_OP"
func (v *VCPU) S390MemOpLogicalRead(addr uint64, p []byte, a S390MemAccess) error {
	return v.logical(uapi.IoctlVCPUS390MemOp, uapi.S390MemopLogicalRead, addr, len(p), p, a)
}

// S390MemOpLogicalWrite copies p to a logical address of the guest.
//
// ioctl: KVM_S390_MEM_OP (vcpu) · cap: KVM_CAP_S390_MEM_OP · arch: s390 · since: Linux 4.1 · doc: virt/kvm/api.rst "KVM_S390_MEM_OP"
func (v *VCPU) S390MemOpLogicalWrite(addr uint64, p []byte, a S390MemAccess) error {
	return v.logical(uapi.IoctlVCPUS390MemOp, uapi.S390MemopLogicalWrite, addr, len(p), p, a)
}

// S390MemOpLogicalCheck tells whether the guest could read n bytes at a logical
// address, or write them, and touches none.
//
// ioctl: KVM_S390_MEM_OP (vcpu) · cap: KVM_CAP_S390_MEM_OP · arch: s390 · since: Linux 4.1 · doc: virt/kvm/api.rst "KVM_S390_MEM_OP"
func (v *VCPU) S390MemOpLogicalCheck(addr uint64, n int, write bool, a S390MemAccess) error {
	op := uint32(uapi.S390MemopLogicalRead)
	if write {
		op = uapi.S390MemopLogicalWrite
	}
	return v.logical(uapi.IoctlVCPUS390MemOp, op, addr, n, nil, a)
}

func (v *VCPU) logical(req uapi.VCPUIoctl, op uint32, addr uint64, n int, p []byte, a S390MemAccess) error {
	if err := v.vm.refuseUControl(req); err != nil {
		return err
	}
	need, since := a.capability(uapi.CapS390MemOp, "4.1")
	return explain(memOps(v.c().fd, req, op, addr, n, p, a), v.vm, need, since)
}

// S390MemOpAbsoluteRead copies guest memory at a guest-absolute address into p.
// The guest must not be a protected one: EINVAL.
//
// ioctl: KVM_S390_MEM_OP (vm) · cap: KVM_CAP_S390_MEM_OP_EXTENSION · arch: s390 · since: Linux 5.18 · doc: virt/kvm/api.rst "KVM_S390_MEM_OP"
func (vm *VM) S390MemOpAbsoluteRead(addr uint64, p []byte, a S390MemAccess) error {
	return vm.absolute(uapi.IoctlVMS390MemOp, uapi.S390MemopAbsoluteRead, addr, len(p), p, a)
}

// S390MemOpAbsoluteWrite copies p to a guest-absolute address.
//
// ioctl: KVM_S390_MEM_OP (vm) · cap: KVM_CAP_S390_MEM_OP_EXTENSION · arch: s390 · since: Linux 5.18 · doc: virt/kvm/api.rst "KVM_S390_MEM_OP"
func (vm *VM) S390MemOpAbsoluteWrite(addr uint64, p []byte, a S390MemAccess) error {
	return vm.absolute(uapi.IoctlVMS390MemOp, uapi.S390MemopAbsoluteWrite, addr, len(p), p, a)
}

// S390MemOpAbsoluteCheck tells whether n bytes at a guest-absolute address could be
// read, or written, and touches none.
//
// ioctl: KVM_S390_MEM_OP (vm) · cap: KVM_CAP_S390_MEM_OP_EXTENSION · arch: s390 · since: Linux 5.18 · doc: virt/kvm/api.rst "KVM_S390_MEM_OP"
func (vm *VM) S390MemOpAbsoluteCheck(addr uint64, n int, write bool, a S390MemAccess) error {
	op := uint32(uapi.S390MemopAbsoluteRead)
	if write {
		op = uapi.S390MemopAbsoluteWrite
	}
	return vm.absolute(uapi.IoctlVMS390MemOp, op, addr, n, nil, a)
}

func (vm *VM) absolute(req uapi.VMIoctl, op uint32, addr uint64, n int, p []byte, a S390MemAccess) error {
	if err := vm.refuseUControl(req); err != nil {
		return err
	}
	return explain(memOps(vm.c().fd, req, op, addr, n, p, a), vm, uapi.CapS390MemOpExtension, "5.18")
}

// S390MemOpAbsoluteCmpxchg writes value to a guest-absolute address if old is
// there, in one step that the guest cannot come between. They are equally long:
// 1, 2, 4, 8 or 16 bytes, and addr is a multiple of that. When something else is
// there, it is copied into old, and swapped is false.
//
// ioctl: KVM_S390_MEM_OP (vm) · cap: KVM_CAP_S390_MEM_OP_EXTENSION · arch: s390 · since: Linux 6.3 · doc: virt/kvm/api.rst "KVM_S390_MEM_OP"
func (vm *VM) S390MemOpAbsoluteCmpxchg(addr uint64, old, value []byte, a S390MemAccess) (swapped bool, err error) {
	const req = uapi.IoctlVMS390MemOp
	if err := vm.refuseUControl(req); err != nil {
		return false, err
	}
	n := len(value)
	if len(old) != n || n == 0 || n > 16 || n&(n-1) != 0 || addr%uint64(n) != 0 {
		return false, invalid("%v: compare %d bytes and swap %d at %#x: want 1, 2, 4, 8 or 16 of both, at a multiple of that", req, len(old), n, addr)
	}
	arg, err := memOp(uapi.S390MemopAbsoluteCmpxchg, addr, n, a)
	if err != nil {
		return false, err
	}
	found := append([]byte(nil), old...) // of which nobody else writes
	code := 0
	err = pinned(found, func(oldAddr uint64) error {
		*arg.OldAddr() = oldAddr
		code, err = memOpOnce(vm.c().fd, req, &arg, append([]byte(nil), value...))
		return err
	})
	if err != nil {
		return false, explain(err, vm, uapi.CapS390MemOpExtension, "6.3")
	}
	if code > 0 {
		return false, &S390ProgramError{Op: req.String(), Addr: addr, Code: code}
	}
	swapped = string(found) == string(old)
	copy(old, found)
	return swapped, nil
}

// S390MemOpSIDARead copies from the secure instruction data area of a protected
// vCPU, in which the operands of intercepted instructions are, at an offset in
// bytes. E2BIG means beyond its end.
//
// ioctl: KVM_S390_MEM_OP (vcpu) · cap: KVM_CAP_S390_PROTECTED · arch: s390 · since: Linux 5.7 · doc: virt/kvm/api.rst "KVM_S390_MEM_OP"
func (v *VCPU) S390MemOpSIDARead(offset uint32, p []byte) error {
	return v.sida(uapi.IoctlVCPUS390MemOp, uapi.S390MemopSIDARead, offset, p)
}

// S390MemOpSIDAWrite copies p to the secure instruction data area.
//
// ioctl: KVM_S390_MEM_OP (vcpu) · cap: KVM_CAP_S390_PROTECTED · arch: s390 · since: Linux 5.7 · doc: virt/kvm/api.rst "KVM_S390_MEM_OP"
func (v *VCPU) S390MemOpSIDAWrite(offset uint32, p []byte) error {
	return v.sida(uapi.IoctlVCPUS390MemOp, uapi.S390MemopSIDAWrite, offset, p)
}

func (v *VCPU) sida(req uapi.VCPUIoctl, op uint32, offset uint32, p []byte) error {
	// KVM adds the two in 32 bits.
	if len(p) == 0 || uint64(len(p)) > math.MaxUint32-uint64(offset) {
		return invalid("%v: %d bytes at offset %#x of the secure instruction data area", req, len(p), offset)
	}
	arg := uapi.S390MemOp{Op: op, Size: uint32(len(p))}
	*arg.SIDAOffset() = offset
	_, err := memOpOnce(v.c().fd, req, &arg, p)
	return explain(err, v.vm, uapi.CapS390Protected, "5.7")
}

// capability is what an access needs, given what one without storage keys does.
func (a S390MemAccess) capability(plain uapi.Cap, since string) (uapi.Cap, string) {
	if a.CheckKey {
		return uapi.CapS390MemOpExtension, "5.18"
	}
	return plain, since
}

// memOps does an access of any size, in as many calls as it takes. p is nil for
// one that only checks.
func memOps[R request](fd fdOf[R], req R, op uint32, addr uint64, n int, p []byte, a S390MemAccess) error {
	if n <= 0 {
		return invalid("%v: %d bytes at %#x: want 1 or more", req, n, addr)
	}
	for done := 0; done < n; done += memOpMax {
		at := addr + uint64(done)
		size := min(n-done, memOpMax)
		arg, err := memOp(op, at, size, a)
		if err != nil {
			return err
		}
		var part []byte
		if p == nil {
			arg.Flags |= uapi.S390MemopFCheckOnly
		} else {
			part = p[done : done+size]
		}
		code, err := memOpOnce(fd, req, &arg, part)
		if err != nil {
			return err
		}
		if code > 0 {
			return &S390ProgramError{Op: req.String(), Addr: at, Code: code, Done: done}
		}
	}
	return nil
}

// memOp fills in everything but where the bytes are.
func memOp(op uint32, addr uint64, size int, a S390MemAccess) (arg uapi.S390MemOp, err error) {
	logical := op == uapi.S390MemopLogicalRead || op == uapi.S390MemopLogicalWrite
	switch {
	case a.AR > 15:
		return arg, invalid("KVM_S390_MEM_OP: access register %d: want 0 to 15", a.AR)
	case a.Key > 15:
		return arg, invalid("KVM_S390_MEM_OP: access key %d: want 0 to 15", a.Key)
	case a.Key != 0 && !a.CheckKey:
		return arg, invalid("KVM_S390_MEM_OP: access key %d without CheckKey", a.Key)
	case !logical && (a.AR != 0 || a.Inject):
		return arg, invalid("KVM_S390_MEM_OP: access register %d, Inject %v: they are for logical addresses", a.AR, a.Inject)
	}
	arg = uapi.S390MemOp{Gaddr: addr, Op: op, Size: uint32(size)}
	*arg.AR(), *arg.Key() = a.AR, a.Key
	if a.CheckKey {
		arg.Flags |= uapi.S390MemopFSKEYProtection
	}
	if a.Inject {
		arg.Flags |= uapi.S390MemopFInjectException
	}
	return arg, nil
}

// memOpOnce returns the number of the program exception, or 0.
func memOpOnce[R request](fd fdOf[R], req R, arg *uapi.S390MemOp, p []byte) (code int, err error) {
	err = pinned(p, func(addr uint64) error {
		arg.Buf = addr
		code, err = ioctlStruct(fd, req, arg)
		return err
	})
	return code, err
}
