package kvm

import "linuxkvm/uapi"

// MPIC is Freescale's interrupt controller in the kernel. The kernel's document is
// virt/kvm/devices/mpic.rst.
type MPIC struct {
	*Device
	attrs attributes
}

// CreateMPIC20 makes the VM's interrupt controller, of version 2.0.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: ppc · since: Linux 3.10 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateMPIC20() (*MPIC, error) { return vm.createMPIC(uapi.DevTypeFslMPIC20) }

// CreateMPIC42 makes the VM's interrupt controller, of version 4.2.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: ppc · since: Linux 3.10 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateMPIC42() (*MPIC, error) { return vm.createMPIC(uapi.DevTypeFslMPIC42) }

func (vm *VM) createMPIC(kind uint32) (*MPIC, error) {
	d, err := vm.CreateDevice(kind)
	if err != nil {
		return nil, err
	}
	return &MPIC{d, d}, nil
}

// BaseAddr returns the guest-physical address of the registers, 0 for none.
//
// attr: KVM_DEV_MPIC_GRP_MISC, KVM_DEV_MPIC_BASE_ADDR (device) · since: Linux 3.10
func (m *MPIC) BaseAddr() (uint64, error) {
	return getAttr[uint64](m.attrs, uapi.DevMPICGrpMisc, uapi.DevMPICBaseAddr)
}

// SetBaseAddr places the registers, 256 KiB that are aligned; 0 takes them away.
//
// attr: KVM_DEV_MPIC_GRP_MISC, KVM_DEV_MPIC_BASE_ADDR (device) · since: Linux 3.10
func (m *MPIC) SetBaseAddr(gpa uint64) error {
	return setAligned(m.attrs, uapi.DevMPICGrpMisc, uapi.DevMPICBaseAddr, "the address of an MPIC", gpa, 256<<10)
}

// Reg reads a register at a byte offset, as the guest does.
//
// attr: KVM_DEV_MPIC_GRP_REGISTER (device) · since: Linux 3.10
func (m *MPIC) Reg(offset uint32) (uint32, error) {
	if err := checkMPICReg(offset); err != nil {
		return 0, err
	}
	return getAttr[uint32](m.attrs, uapi.DevMPICGrpRegister, uint64(offset))
}

// SetReg writes a register at a byte offset, as the guest does; one of MSIIR's
// sends a message.
//
// attr: KVM_DEV_MPIC_GRP_REGISTER (device) · since: Linux 3.10
func (m *MPIC) SetReg(offset, value uint32) error {
	if err := checkMPICReg(offset); err != nil {
		return err
	}
	return setAttr(m.attrs, uapi.DevMPICGrpRegister, uint64(offset), value)
}

func checkMPICReg(offset uint32) error {
	if offset%4 != 0 || offset >= 256<<10 {
		return invalid("the offset of an MPIC's register %#x: want a multiple of 4 below 256 KiB", offset)
	}
	return nil
}

// IRQActive reads whether an input line is active, or an edge not acknowledged.
//
// attr: KVM_DEV_MPIC_GRP_IRQ_ACTIVE (device) · since: Linux 3.10
func (m *MPIC) IRQActive(irq uint32) (bool, error) {
	v, err := getAttr[uint32](m.attrs, uapi.DevMPICGrpIRQActive, uint64(irq))
	return v != 0, err
}

// SetIRQActive sets an input line.
//
// attr: KVM_DEV_MPIC_GRP_IRQ_ACTIVE (device) · since: Linux 3.10
func (m *MPIC) SetIRQActive(irq uint32, active bool) error {
	var v uint32
	if active {
		v = 1
	}
	return setAttr(m.attrs, uapi.DevMPICGrpIRQActive, uint64(irq), v)
}
