package kvm

import "linuxkvm/uapi"

// LoongarchPCHPIC is the interrupt controller for wires, in the kernel. The facts
// are those of arch/loongarch/kvm/intc/pch_pic.c.
type LoongarchPCHPIC struct {
	*Device
	attrs attributes
}

// CreateLoongarchPCHPIC makes the VM's only device of this type.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: loongarch · since: Linux 6.13 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateLoongarchPCHPIC() (*LoongarchPCHPIC, error) {
	d, err := vm.CreateDevice(uapi.DevTypeLoongarchPCHPIC)
	if err != nil {
		return nil, err
	}
	return &LoongarchPCHPIC{d, d}, nil
}

// Init places the controller at a guest-physical address.
//
// attr: KVM_DEV_LOONGARCH_PCH_PIC_GRP_CTRL, KVM_DEV_LOONGARCH_PCH_PIC_CTRL_INIT (device) · since: Linux 6.13
func (p *LoongarchPCHPIC) Init(gpa uint64) error {
	return setAttr(p.attrs, uapi.DevLoongarchPCHPICGrpCtrl, uapi.DevLoongarchPCHPICCtrlInit, gpa)
}

// The registers of one byte: a route and a vector of each of the 64 wires.
const (
	pchRoutes  = 0x100
	pchVectors = 0x200
	pchWires   = 64
)

// Reg reads a register of 64 bits at a byte offset.
//
// attr: KVM_DEV_LOONGARCH_PCH_PIC_GRP_REGS (device) · since: Linux 6.13
func (p *LoongarchPCHPIC) Reg(offset uint16) (uint64, error) {
	if err := checkPCHReg(offset); err != nil {
		return 0, err
	}
	return getAttr[uint64](p.attrs, uapi.DevLoongarchPCHPICGrpRegs, uint64(offset))
}

// SetReg writes a register of 64 bits.
//
// attr: KVM_DEV_LOONGARCH_PCH_PIC_GRP_REGS (device) · since: Linux 6.13
func (p *LoongarchPCHPIC) SetReg(offset uint16, value uint64) error {
	if err := checkPCHReg(offset); err != nil {
		return err
	}
	return setAttr(p.attrs, uapi.DevLoongarchPCHPICGrpRegs, uint64(offset), value)
}

func checkPCHReg(offset uint16) error {
	if offset >= pchRoutes && offset < pchVectors+pchWires {
		return invalid("PCH-PIC register %#x has one byte: Route and Vector have those", offset)
	}
	return checkAligned("the offset of a PCH-PIC's register", uint64(offset), 4)
}

// Route reads where a wire, 0 to 63, is routed to.
//
// attr: KVM_DEV_LOONGARCH_PCH_PIC_GRP_REGS (device) · since: Linux 6.13
func (p *LoongarchPCHPIC) Route(wire int) (uint8, error) { return p.wire(pchRoutes, wire) }

// SetRoute sets where a wire is routed to.
//
// attr: KVM_DEV_LOONGARCH_PCH_PIC_GRP_REGS (device) · since: Linux 6.13
func (p *LoongarchPCHPIC) SetRoute(wire int, value uint8) error {
	return p.setWire(pchRoutes, wire, value)
}

// Vector reads a wire's vector for the EIOINTC.
//
// attr: KVM_DEV_LOONGARCH_PCH_PIC_GRP_REGS (device) · since: Linux 6.13
func (p *LoongarchPCHPIC) Vector(wire int) (uint8, error) { return p.wire(pchVectors, wire) }

// SetVector sets a wire's vector for the EIOINTC.
//
// attr: KVM_DEV_LOONGARCH_PCH_PIC_GRP_REGS (device) · since: Linux 6.13
func (p *LoongarchPCHPIC) SetVector(wire int, value uint8) error {
	return p.setWire(pchVectors, wire, value)
}

func (p *LoongarchPCHPIC) wire(base uint64, wire int) (uint8, error) {
	if err := checkRange("a wire", wire, 0, pchWires-1); err != nil {
		return 0, err
	}
	return getAttr[uint8](p.attrs, uapi.DevLoongarchPCHPICGrpRegs, base+uint64(wire))
}

func (p *LoongarchPCHPIC) setWire(base uint64, wire int, value uint8) error {
	if err := checkRange("a wire", wire, 0, pchWires-1); err != nil {
		return err
	}
	return setAttr(p.attrs, uapi.DevLoongarchPCHPICGrpRegs, base+uint64(wire), value)
}
