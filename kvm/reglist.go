//go:build !s390x && !ppc64le

package kvm

import (
	"linuxkvm/uapi"
)

// RegList returns the ids of the registers that OneReg and SetOneReg reach. An id
// prints as the register's name.
//
// ioctl: KVM_GET_REG_LIST (vcpu) · cap: KVM_CAP_ONE_REG · arch: x86, arm64, mips, riscv, loongarch · since: Linux 3.9, x86: 6.18 · doc: virt/kvm/api.rst "KVM_GET_REG_LIST"
func (v *VCPU) RegList() ([]uapi.Reg, error) {
	ids, err := growing(64, uapi.NewRegListBuffer, func(b *uapi.RegListBuffer) (int, error) {
		_, err := ioctlBuffer(v.c().fd, uapi.IoctlVCPUGetRegList, b.Pointer())
		return int(b.Header().N), err
	})
	regs := make([]uapi.Reg, len(ids))
	for i, id := range ids {
		regs[i] = uapi.Reg(id)
	}
	return regs, explain(err, v.vm, uapi.CapOneReg, oneRegSince)
}
