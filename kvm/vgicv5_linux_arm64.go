package kvm

import "linuxkvm/uapi"

// VGICV5 is an interrupt controller of the type GICv5 in the kernel, which needs a
// host that has one. The kernel's document is virt/kvm/devices/arm-vgic-v5.rst.
type VGICV5 struct {
	*Device
	attrs attributes
}

// CreateVGICV5 makes the VM's interrupt controller, one of any version.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: arm64 · since: Linux 7.1 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateVGICV5() (*VGICV5, error) {
	d, err := vm.CreateDevice(uapi.DevTypeArmVGICV5)
	if err != nil {
		return nil, err
	}
	return &VGICV5{d, d}, nil
}

// Init sets the controller up, when there are all vCPUs.
//
// attr: KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT (device) · since: Linux 7.1
func (g *VGICV5) Init() error { return vgicInit(g.attrs) }

// UserspacePPIs returns which of the 128 private interrupts IRQLine may drive, a
// bit each, from the first number on.
//
// attr: KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_USERSPACE_PPIS (device) · since: Linux 7.1
func (g *VGICV5) UserspacePPIs() ([2]uint64, error) {
	return getAttr[[2]uint64](g.attrs, uapi.DevArmVGICGrpCtrl, uapi.DevArmVGICUserspacePPIs)
}
