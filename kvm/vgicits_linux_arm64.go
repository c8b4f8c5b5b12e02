package kvm

import "linuxkvm/uapi"

// VGICITS is an interrupt translation service in the kernel, which makes messages
// into interrupts (LPIs) of the VM's GICv3. There may be several. The kernel's
// document, which has the order of steps that restores one, is
// virt/kvm/devices/arm-vgic-its.rst.
type VGICITS struct {
	*Device
	attrs attributes
}

// CreateVGICITS makes a translation service. ENODEV means that the VM has no GICv3.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: arm64 · since: Linux 4.8 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateVGICITS() (*VGICITS, error) {
	d, err := vm.CreateDevice(uapi.DevTypeArmVGICITS)
	if err != nil {
		return nil, err
	}
	return &VGICITS{d, d}, nil
}

// Addr returns the guest-physical address of the service.
//
// attr: KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE (device) · since: Linux 4.8
func (s *VGICITS) Addr() (uint64, error) {
	return getAttr[uint64](s.attrs, uapi.DevArmVGICGrpAddr, uapi.VGICITSAddrType)
}

// SetAddr places the service, 128 KiB that are aligned to 64 KiB.
//
// attr: KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE (device) · since: Linux 4.8
func (s *VGICITS) SetAddr(gpa uint64) error {
	return setAligned(s.attrs, uapi.DevArmVGICGrpAddr, uapi.VGICITSAddrType, "the address of an ITS", gpa, vgicV3Page)
}

// Init sets the service up.
//
// attr: KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT (device) · since: Linux 4.8
func (s *VGICITS) Init() error { return vgicInit(s.attrs) }

// Reset makes the service what Init made it.
//
// attr: KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET (device) · since: Linux 4.15
func (s *VGICITS) Reset() error {
	return orderAttr(s.attrs, uapi.DevArmVGICGrpCtrl, uapi.DevArmITSCtrlReset)
}

// SaveTables writes the service's tables to guest memory, where the guest has them.
//
// attr: KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_SAVE_TABLES (device) · since: Linux 4.13
func (s *VGICITS) SaveTables() error {
	return orderAttr(s.attrs, uapi.DevArmVGICGrpCtrl, uapi.DevArmITSSaveTables)
}

// RestoreTables reads the service's tables from guest memory.
//
// attr: KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_RESTORE_TABLES (device) · since: Linux 4.13
func (s *VGICITS) RestoreTables() error {
	return orderAttr(s.attrs, uapi.DevArmVGICGrpCtrl, uapi.DevArmITSRestoreTables)
}

// Reg reads a register at a byte offset, in 64 bits however wide it is.
//
// attr: KVM_DEV_ARM_VGIC_GRP_ITS_REGS (device) · since: Linux 4.13
func (s *VGICITS) Reg(offset uint32) (uint64, error) {
	if err := checkAligned("the offset of an ITS's register", uint64(offset), 4); err != nil {
		return 0, err
	}
	return getAttr[uint64](s.attrs, uapi.DevArmVGICGrpITSRegs, uint64(offset))
}

// SetReg writes a register.
//
// attr: KVM_DEV_ARM_VGIC_GRP_ITS_REGS (device) · since: Linux 4.13
func (s *VGICITS) SetReg(offset uint32, value uint64) error {
	if err := checkAligned("the offset of an ITS's register", uint64(offset), 4); err != nil {
		return err
	}
	return setAttr(s.attrs, uapi.DevArmVGICGrpITSRegs, uint64(offset), value)
}
