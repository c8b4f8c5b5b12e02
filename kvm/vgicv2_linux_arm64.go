package kvm

import "linuxkvm/uapi"

// VGICV2 is an interrupt controller of the type GICv2 in the kernel, for up to 8
// vCPUs. First its two addresses are set, then, when there are all vCPUs, Init is
// called. The kernel's document is virt/kvm/devices/arm-vgic.rst.
type VGICV2 struct {
	*Device
	attrs attributes
}

// CreateVGICV2 makes the VM's interrupt controller, one of either version. ENODEV
// means that the host's own controller cannot give the guest one of this type.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: arm64 · since: Linux 3.14 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateVGICV2() (*VGICV2, error) {
	d, err := vm.CreateDevice(uapi.DevTypeArmVGICV2)
	if err != nil {
		return nil, err
	}
	return &VGICV2{d, d}, nil
}

// DistAddr returns the guest-physical address of the distributor.
//
// attr: KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_DIST (device) · since: Linux 3.14
func (g *VGICV2) DistAddr() (uint64, error) {
	return getAttr[uint64](g.attrs, uapi.DevArmVGICGrpAddr, uapi.VGICV2AddrTypeDist)
}

// SetDistAddr places the distributor, 4 KiB that are aligned. EEXIST means that it
// has a place.
//
// attr: KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_DIST (device) · since: Linux 3.14
func (g *VGICV2) SetDistAddr(gpa uint64) error {
	return setAligned(g.attrs, uapi.DevArmVGICGrpAddr, uapi.VGICV2AddrTypeDist, "the address of a GICv2's distributor", gpa, vgicV2Page)
}

// CPUAddr returns the guest-physical address of the CPU interface.
//
// attr: KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_CPU (device) · since: Linux 3.14
func (g *VGICV2) CPUAddr() (uint64, error) {
	return getAttr[uint64](g.attrs, uapi.DevArmVGICGrpAddr, uapi.VGICV2AddrTypeCPU)
}

// SetCPUAddr places the CPU interface, 8 KiB that are aligned to 4 KiB.
//
// attr: KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_CPU (device) · since: Linux 3.14
func (g *VGICV2) SetCPUAddr(gpa uint64) error {
	return setAligned(g.attrs, uapi.DevArmVGICGrpAddr, uapi.VGICV2AddrTypeCPU, "the address of a GICv2's CPU interface", gpa, vgicV2Page)
}

// NrIRQs returns how many interrupts there are.
//
// attr: KVM_DEV_ARM_VGIC_GRP_NR_IRQS (device) · since: Linux 3.15
func (g *VGICV2) NrIRQs() (uint32, error) { return vgicNrIRQs(g.attrs) }

// SetNrIRQs sets how many interrupts there are, private ones included: 64 to 1024,
// by 32. EBUSY means that it is set.
//
// attr: KVM_DEV_ARM_VGIC_GRP_NR_IRQS (device) · since: Linux 3.15
func (g *VGICV2) SetNrIRQs(n uint32) error { return setVGICNrIRQs(g.attrs, n) }

// Init sets the controller up, when it has its addresses and there are all vCPUs.
//
// attr: KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT (device) · since: Linux 4.0
func (g *VGICV2) Init() error { return vgicInit(g.attrs) }

// DistReg reads a register of the distributor, at a byte offset, as a vCPU sees
// it, by its index. EBUSY means that a vCPU is running.
//
// attr: KVM_DEV_ARM_VGIC_GRP_DIST_REGS (device) · since: Linux 3.14
func (g *VGICV2) DistReg(vcpu uint8, offset uint32) (uint32, error) {
	return getVGICReg(g.attrs, uapi.DevArmVGICGrpDistRegs, uint64(vcpu), offset)
}

// SetDistReg writes a register of the distributor; GICD_IIDR first of all.
//
// attr: KVM_DEV_ARM_VGIC_GRP_DIST_REGS (device) · since: Linux 3.14
func (g *VGICV2) SetDistReg(vcpu uint8, offset, value uint32) error {
	return setVGICReg(g.attrs, uapi.DevArmVGICGrpDistRegs, uint64(vcpu), offset, value)
}

// CPUReg reads a register of a vCPU's CPU interface. GICC_PMR has its five bits
// lowest.
//
// attr: KVM_DEV_ARM_VGIC_GRP_CPU_REGS (device) · since: Linux 3.14
func (g *VGICV2) CPUReg(vcpu uint8, offset uint32) (uint32, error) {
	return getVGICReg(g.attrs, uapi.DevArmVGICGrpCPURegs, uint64(vcpu), offset)
}

// SetCPUReg writes a register of a vCPU's CPU interface.
//
// attr: KVM_DEV_ARM_VGIC_GRP_CPU_REGS (device) · since: Linux 3.14
func (g *VGICV2) SetCPUReg(vcpu uint8, offset, value uint32) error {
	return setVGICReg(g.attrs, uapi.DevArmVGICGrpCPURegs, uint64(vcpu), offset, value)
}
