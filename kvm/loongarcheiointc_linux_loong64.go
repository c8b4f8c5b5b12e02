package kvm

import "linuxkvm/uapi"

// LoongarchEIOINTC is the extended I/O interrupt controller, in the kernel, which
// the PCH-PIC and messages go through. The facts are those of
// arch/loongarch/kvm/intc/eiointc.c.
type LoongarchEIOINTC struct {
	*Device
	attrs attributes
}

// CreateLoongarchEIOINTC makes the VM's only device of this type.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: loongarch · since: Linux 6.13 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateLoongarchEIOINTC() (*LoongarchEIOINTC, error) {
	d, err := vm.CreateDevice(uapi.DevTypeLoongarchEIOINTC)
	if err != nil {
		return nil, err
	}
	return &LoongarchEIOINTC{d, d}, nil
}

// InitNumCPU says how many vCPUs there are.
//
// attr: KVM_DEV_LOONGARCH_EXTIOI_GRP_CTRL, KVM_DEV_LOONGARCH_EXTIOI_CTRL_INIT_NUM_CPU (device) · since: Linux 6.13
func (e *LoongarchEIOINTC) InitNumCPU(n uint32) error {
	if err := checkRange("the number of vCPUs", n, 1, uapi.MaxCores); err != nil {
		return err
	}
	return setAttr(e.attrs, uapi.DevLoongarchEXTIOIGrpCtrl, uapi.DevLoongarchEXTIOICtrlInitNumCPU, n)
}

// InitFeature says which extensions for virtual machines the guest finds.
//
// attr: KVM_DEV_LOONGARCH_EXTIOI_GRP_CTRL, KVM_DEV_LOONGARCH_EXTIOI_CTRL_INIT_FEATURE (device) · since: Linux 6.13
func (e *LoongarchEIOINTC) InitFeature(features uint32) error {
	return setAttr(e.attrs, uapi.DevLoongarchEXTIOIGrpCtrl, uapi.DevLoongarchEXTIOICtrlInitFeature, features)
}

// LoadFinished ends the restoring of registers.
//
// attr: KVM_DEV_LOONGARCH_EXTIOI_GRP_CTRL, KVM_DEV_LOONGARCH_EXTIOI_CTRL_LOAD_FINISHED (device) · since: Linux 6.13
func (e *LoongarchEIOINTC) LoadFinished() error {
	return orderAttr(e.attrs, uapi.DevLoongarchEXTIOIGrpCtrl, uapi.DevLoongarchEXTIOICtrlLoadFinished)
}

// Reg reads a register at a byte offset; those that every vCPU has are the vCPU's,
// by its number.
//
// attr: KVM_DEV_LOONGARCH_EXTIOI_GRP_REGS (device) · since: Linux 6.13
func (e *LoongarchEIOINTC) Reg(vcpu int, offset uint16) (uint32, error) {
	attr, err := eiointcReg(vcpu, offset)
	if err != nil {
		return 0, err
	}
	return getAttr[uint32](e.attrs, uapi.DevLoongarchEXTIOIGrpRegs, attr)
}

// SetReg writes a register.
//
// attr: KVM_DEV_LOONGARCH_EXTIOI_GRP_REGS (device) · since: Linux 6.13
func (e *LoongarchEIOINTC) SetReg(vcpu int, offset uint16, value uint32) error {
	attr, err := eiointcReg(vcpu, offset)
	if err != nil {
		return err
	}
	return setAttr(e.attrs, uapi.DevLoongarchEXTIOIGrpRegs, attr, value)
}

// eiointcReg checks the number of the vCPU for a kernel that does not.
func eiointcReg(vcpu int, offset uint16) (uint64, error) {
	if err := checkRange("a vCPU's number", vcpu, 0, uapi.MaxCores-1); err != nil {
		return 0, err
	}
	return uint64(vcpu)<<16 | uint64(offset), checkAligned("the offset of an EIOINTC's register", uint64(offset), 4)
}

// LoongarchEIOINTCStatus is a number of the controller that is in no register.
type LoongarchEIOINTCStatus uint64

// The numbers.
const (
	LoongarchEIOINTCNumCPU  LoongarchEIOINTCStatus = uapi.DevLoongarchEXTIOISWStatusNumCPU
	LoongarchEIOINTCFeature LoongarchEIOINTCStatus = uapi.DevLoongarchEXTIOISWStatusFeature
	LoongarchEIOINTCState   LoongarchEIOINTCStatus = uapi.DevLoongarchEXTIOISWStatusState
)

// SWStatus reads a number that is in no register.
//
// attr: KVM_DEV_LOONGARCH_EXTIOI_GRP_SW_STATUS (device) · since: Linux 6.13
func (e *LoongarchEIOINTC) SWStatus(which LoongarchEIOINTCStatus) (uint32, error) {
	return getAttr[uint32](e.attrs, uapi.DevLoongarchEXTIOIGrpSWStatus, uint64(which))
}

// SetSWStatus restores a number that is in no register.
//
// attr: KVM_DEV_LOONGARCH_EXTIOI_GRP_SW_STATUS (device) · since: Linux 6.13
func (e *LoongarchEIOINTC) SetSWStatus(which LoongarchEIOINTCStatus, value uint32) error {
	if which == LoongarchEIOINTCNumCPU {
		if err := checkRange("the number of vCPUs", value, 0, uapi.MaxCores); err != nil {
			return err
		}
	}
	return setAttr(e.attrs, uapi.DevLoongarchEXTIOIGrpSWStatus, uint64(which), value)
}
