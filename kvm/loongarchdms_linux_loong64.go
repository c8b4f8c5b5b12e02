package kvm

import "linuxkvm/uapi"

// LoongarchDMSINTC is the controller that gives messages to vCPUs directly, in the
// kernel. The facts are those of arch/loongarch/kvm/intc/dmsintc.c.
type LoongarchDMSINTC struct {
	*Device
	attrs attributes
}

// CreateLoongarchDMSINTC makes the VM's only device of this type.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: loongarch · since: Linux 7.0 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateLoongarchDMSINTC() (*LoongarchDMSINTC, error) {
	d, err := vm.CreateDevice(uapi.DevTypeLoongarchDMSINTC)
	if err != nil {
		return nil, err
	}
	return &LoongarchDMSINTC{d, d}, nil
}

// SetMsgAddrBase sets, once, the guest-physical address from which on messages are
// for this controller.
//
// attr: KVM_DEV_LOONGARCH_DMSINTC_GRP_CTRL, KVM_DEV_LOONGARCH_DMSINTC_MSG_ADDR_BASE (device) · since: Linux 7.0
func (m *LoongarchDMSINTC) SetMsgAddrBase(gpa uint64) error {
	return setAligned(m.attrs, uapi.DevLoongarchDMSINTCGrpCtrl, uapi.DevLoongarchDMSINTCMsgAddrBase, "the address of messages", gpa, 1<<12)
}

// SetMsgAddrSize sets, once, how many bytes from there on.
//
// attr: KVM_DEV_LOONGARCH_DMSINTC_GRP_CTRL, KVM_DEV_LOONGARCH_DMSINTC_MSG_ADDR_SIZE (device) · since: Linux 7.0
func (m *LoongarchDMSINTC) SetMsgAddrSize(n uint64) error {
	return setAttr(m.attrs, uapi.DevLoongarchDMSINTCGrpCtrl, uapi.DevLoongarchDMSINTCMsgAddrSize, n)
}
