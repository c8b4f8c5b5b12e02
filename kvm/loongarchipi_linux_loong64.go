package kvm

import "linuxkvm/uapi"

// LoongarchIPI is what carries interrupts between vCPUs, in the kernel. The kernel
// has no document of this device: the facts are those of
// arch/loongarch/kvm/intc/ipi.c.
type LoongarchIPI struct {
	*Device
	attrs attributes
}

// CreateLoongarchIPI makes the VM's only device of this type.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: loongarch · since: Linux 6.13 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateLoongarchIPI() (*LoongarchIPI, error) {
	d, err := vm.CreateDevice(uapi.DevTypeLoongarchIPI)
	if err != nil {
		return nil, err
	}
	return &LoongarchIPI{d, d}, nil
}

// LoongarchIPIReg is a register of 32 bits, by its offset.
type LoongarchIPIReg uint8

// The registers.
const (
	LoongarchIPIStatus LoongarchIPIReg = 0x0
	LoongarchIPIEnable LoongarchIPIReg = 0x4
	LoongarchIPISet    LoongarchIPIReg = 0x8
	LoongarchIPIClear  LoongarchIPIReg = 0xc
)

// Reg reads a register of a vCPU, by the vCPU's id.
//
// attr: KVM_DEV_LOONGARCH_IPI_GRP_REGS (device) · since: Linux 6.13
func (i *LoongarchIPI) Reg(vcpu int, reg LoongarchIPIReg) (uint32, error) {
	attr, err := loongarchIPIReg(vcpu, reg)
	if err != nil {
		return 0, err
	}
	return getAttr[uint32](i.attrs, uapi.DevLoongarchIPIGrpRegs, attr)
}

// SetReg writes a register of a vCPU.
//
// attr: KVM_DEV_LOONGARCH_IPI_GRP_REGS (device) · since: Linux 6.13
func (i *LoongarchIPI) SetReg(vcpu int, reg LoongarchIPIReg, value uint32) error {
	attr, err := loongarchIPIReg(vcpu, reg)
	if err != nil {
		return err
	}
	return setAttr(i.attrs, uapi.DevLoongarchIPIGrpRegs, attr, value)
}

func loongarchIPIReg(vcpu int, reg LoongarchIPIReg) (uint64, error) {
	if reg > LoongarchIPIClear || reg%4 != 0 {
		return 0, invalid("IPI register %#x: want 0, 4, 8 or 0xc", uint8(reg))
	}
	return loongarchIPIAttr(vcpu, uint64(reg))
}

// Mailbox reads one of a vCPU's four mailboxes.
//
// attr: KVM_DEV_LOONGARCH_IPI_GRP_REGS (device) · since: Linux 6.13
func (i *LoongarchIPI) Mailbox(vcpu, n int) (uint64, error) {
	attr, err := loongarchMailbox(vcpu, n)
	if err != nil {
		return 0, err
	}
	return getAttr[uint64](i.attrs, uapi.DevLoongarchIPIGrpRegs, attr)
}

// SetMailbox writes one of a vCPU's four mailboxes.
//
// attr: KVM_DEV_LOONGARCH_IPI_GRP_REGS (device) · since: Linux 6.13
func (i *LoongarchIPI) SetMailbox(vcpu, n int, value uint64) error {
	attr, err := loongarchMailbox(vcpu, n)
	if err != nil {
		return err
	}
	return setAttr(i.attrs, uapi.DevLoongarchIPIGrpRegs, attr, value)
}

// loongarchMailbox: 8 bytes each, from 0x20 on.
func loongarchMailbox(vcpu, n int) (uint64, error) {
	if err := checkRange("a mailbox", n, 0, 3); err != nil {
		return 0, err
	}
	return loongarchIPIAttr(vcpu, 0x20+8*uint64(n))
}

func loongarchIPIAttr(vcpu int, offset uint64) (uint64, error) {
	return uint64(vcpu)<<16 | offset, checkRange("a vCPU's id", vcpu, 0, 1<<10-1)
}
