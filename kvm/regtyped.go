package kvm

import "linuxkvm/uapi"

// GetOneReg reads the register with the given id, whose type says what it holds:
// one of the constants and functions of package uapi with uapi.RegID. (Go has no
// methods with type parameters: this is one of v.)
//
// ioctl: KVM_GET_ONE_REG (vcpu) · cap: KVM_CAP_ONE_REG · arch: all · since: Linux 3.4, x86: 6.18 · doc: virt/kvm/api.rst "KVM_GET_ONE_REG"
func GetOneReg[T uapi.RegValue](v *VCPU, id uapi.RegID[T]) (T, error) {
	var value T
	err := v.OneReg(uint64(id), bytesOf(&value))
	return value, err
}

// SetOneReg sets the register with the given id. See [GetOneReg].
//
// ioctl: KVM_SET_ONE_REG (vcpu) · cap: KVM_CAP_ONE_REG · arch: all · since: Linux 3.4, x86: 6.18 · doc: virt/kvm/api.rst "KVM_SET_ONE_REG"
func SetOneReg[T uapi.RegValue](v *VCPU, id uapi.RegID[T], value T) error {
	return v.SetOneReg(uint64(id), bytesOf(&value))
}
