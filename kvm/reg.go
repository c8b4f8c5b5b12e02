package kvm

import (
	"encoding/binary"

	"linuxkvm/uapi"
)

// RegSize returns the size in bytes of the register with the given id, which is
// part of the id, or 0 for an id that has none.
func RegSize(id uint64) int { return uapi.Reg(id).Size() }

// OneReg reads one register into buf, which must have the register's size, in
// the host's byte order. Ids are the architecture's: [GetOneReg] knows the size of
// a register from the type of its id.
//
// ioctl: KVM_GET_ONE_REG (vcpu) · cap: KVM_CAP_ONE_REG · arch: all · since: Linux 3.4, x86: 6.18 · doc: virt/kvm/api.rst "KVM_GET_ONE_REG"
func (v *VCPU) OneReg(id uint64, buf []byte) error {
	return v.oneReg(uapi.IoctlVCPUGetOneReg, id, buf)
}

// SetOneReg sets one register to buf, which must have the register's size, in the
// host's byte order.
//
// ioctl: KVM_SET_ONE_REG (vcpu) · cap: KVM_CAP_ONE_REG · arch: all · since: Linux 3.4, x86: 6.18 · doc: virt/kvm/api.rst "KVM_SET_ONE_REG"
func (v *VCPU) SetOneReg(id uint64, buf []byte) error {
	return v.oneReg(uapi.IoctlVCPUSetOneReg, id, buf)
}

// OneRegUint64 is OneReg for registers of up to 8 bytes.
func (v *VCPU) OneRegUint64(id uint64) (uint64, error) {
	n := RegSize(id)
	if n == 0 || n > 8 {
		return 0, invalid("register %#x is not one of up to 8 bytes", id)
	}
	var b [8]byte
	err := v.OneReg(id, b[:n])
	return fromBytes(b, n), err
}

// SetOneRegUint64 is SetOneReg for registers of up to 8 bytes; a narrower one
// gets the low bytes of value.
func (v *VCPU) SetOneRegUint64(id, value uint64) error {
	n := RegSize(id)
	if n == 0 || n > 8 {
		return invalid("register %#x is not one of up to 8 bytes", id)
	}
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], value)
	if bigEndian {
		return v.SetOneReg(id, b[8-n:])
	}
	return v.SetOneReg(id, b[:n])
}

func (v *VCPU) oneReg(req uapi.VCPUIoctl, id uint64, buf []byte) error {
	if n := RegSize(id); n == 0 || n != len(buf) {
		return invalid("%v: register %v (%#x) has %d bytes, the buffer has %d", req, uapi.Reg(id), id, n, len(buf))
	}
	err := v.oneRegAt(req, id, buf)
	return explain(err, v.vm, uapi.CapOneReg, oneRegSince)
}
