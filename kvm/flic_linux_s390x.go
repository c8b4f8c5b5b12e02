package kvm

import (
	"errors"
	"syscall"

	"linuxkvm/uapi"
)

// FLIC is the controller of floating interrupts, which go to any vCPU, in the
// kernel. The kernel's document is virt/kvm/devices/s390_flic.rst.
type FLIC struct {
	*Device
	attrs flicAttributes
}

// flicAttributes also have an attribute that says how much there is.
type flicAttributes interface {
	attributes
	attrStatus(group uint32, attr uint64, value []byte) (int, error)
}

func (d *Device) attrStatus(group uint32, attr uint64, value []byte) (int, error) {
	return doAttrStatus(d.f(), uapi.IoctlDeviceGetDeviceAttr, group, attr, value)
}

// there is what has the attributes; that of a zero FLIC is closed.
func (f *FLIC) there() flicAttributes {
	if f.attrs == nil {
		return (*Device)(nil)
	}
	return f.attrs
}

// CreateFLIC makes the VM's only device of this type.
//
// ioctl: KVM_CREATE_DEVICE (vm) · cap: KVM_CAP_DEVICE_CTRL · arch: s390 · since: Linux 3.15 · doc: virt/kvm/api.rst "KVM_CREATE_DEVICE"
func (vm *VM) CreateFLIC() (*FLIC, error) {
	d, err := vm.CreateDevice(uapi.DevTypeFLIC)
	if err != nil {
		return nil, err
	}
	return &FLIC{d, d}, nil
}

// AllIRQs returns the interrupts that are pending, which stay so.
//
// attr: KVM_DEV_FLIC_GET_ALL_IRQS (device) · since: Linux 3.15
func (f *FLIC) AllIRQs() ([]uapi.S390IRQ, error) {
	for n := 64; ; n = min(4*n, uapi.S390MaxFloatIRQs) {
		irqs := make([]uapi.S390IRQ, n)
		buf := sliceBytes(irqs)
		have, err := f.there().attrStatus(uapi.DevFLICGetAllIRQs, uint64(len(buf)), buf)
		if errors.Is(err, syscall.ENOMEM) && n < uapi.S390MaxFloatIRQs {
			continue // more than that
		}
		if err != nil {
			return nil, err
		}
		return irqs[:min(max(have, 0), n)], nil
	}
}

// Enqueue makes interrupts pending.
//
// attr: KVM_DEV_FLIC_ENQUEUE (device) · since: Linux 3.15
func (f *FLIC) Enqueue(irqs []uapi.S390IRQ) error {
	if len(irqs) == 0 || len(irqs) > uapi.S390MaxFloatIRQs {
		return invalid("KVM_DEV_FLIC_ENQUEUE: %d interrupts, want 1 to %d", len(irqs), uapi.S390MaxFloatIRQs)
	}
	buf := sliceBytes(irqs)
	return f.there().SetAttr(uapi.DevFLICEnqueue, uint64(len(buf)), buf)
}

// ClearIRQs forgets all that are pending.
//
// attr: KVM_DEV_FLIC_CLEAR_IRQS (device) · since: Linux 3.15
func (f *FLIC) ClearIRQs() error { return orderAttr(f.attrs, uapi.DevFLICClearIRQs, 0) }

// ClearIOIRQ forgets one I/O interrupt of the subchannel with this identification
// word, which is not 0.
//
// attr: KVM_DEV_FLIC_CLEAR_IO_IRQ (device) · since: Linux 4.7
func (f *FLIC) ClearIOIRQ(schid uint32) error {
	if schid == 0 {
		return invalid("KVM_DEV_FLIC_CLEAR_IO_IRQ: subchannel 0")
	}
	return setAttr(f.attrs, uapi.DevFLICClearIOIRQ, 4, schid) // the number is the length
}

// APFEnable lets the host tell the guest of pages that are not there.
//
// attr: KVM_DEV_FLIC_APF_ENABLE (device) · since: Linux 3.15
func (f *FLIC) APFEnable() error { return orderAttr(f.attrs, uapi.DevFLICAPFEnable, 0) }

// APFDisableWait ends that, and waits for the pages that the guest was told of.
//
// attr: KVM_DEV_FLIC_APF_DISABLE_WAIT (device) · since: Linux 3.15
func (f *FLIC) APFDisableWait() error { return orderAttr(f.attrs, uapi.DevFLICAPFDisableWait, 0) }

// AdapterRegister makes an adapter that interrupts can come from.
//
// attr: KVM_DEV_FLIC_ADAPTER_REGISTER (device) · since: Linux 3.15
func (f *FLIC) AdapterRegister(adapter *uapi.S390IOAdapter) error {
	return setAttrFrom(f.attrs, uapi.DevFLICAdapterRegister, 0, adapter)
}

// AdapterMask masks or unmasks an adapter.
//
// attr: KVM_DEV_FLIC_ADAPTER_MODIFY, KVM_S390_IO_ADAPTER_MASK (device) · since: Linux 3.15
func (f *FLIC) AdapterMask(id uint32, masked bool) error {
	req := uapi.S390IOAdapterReq{ID: id, Type: uapi.S390IOAdapterMask}
	if masked {
		req.Mask = 1
	}
	return setAttr(f.attrs, uapi.DevFLICAdapterModify, 0, req)
}

// AdapterMap adds the page at a guest-physical address to those that the adapter's
// indicators are in.
//
// attr: KVM_DEV_FLIC_ADAPTER_MODIFY, KVM_S390_IO_ADAPTER_MAP (device) · since: Linux 3.15
func (f *FLIC) AdapterMap(id uint32, gpa uint64) error {
	return setAttr(f.attrs, uapi.DevFLICAdapterModify, 0, uapi.S390IOAdapterReq{ID: id, Type: uapi.S390IOAdapterMap, Addr: gpa})
}

// AdapterUnmap takes a page back.
//
// attr: KVM_DEV_FLIC_ADAPTER_MODIFY, KVM_S390_IO_ADAPTER_UNMAP (device) · since: Linux 3.15
func (f *FLIC) AdapterUnmap(id uint32, gpa uint64) error {
	return setAttr(f.attrs, uapi.DevFLICAdapterModify, 0, uapi.S390IOAdapterReq{ID: id, Type: uapi.S390IOAdapterUnmap, Addr: gpa})
}

// AISM sets how adapter interrupts of a subclass, 0 to 7, are suppressed: mode is 0 for
// never, or 1 for after the first until it is set again.
//
// attr: KVM_DEV_FLIC_AISM (device) · since: Linux 4.12
func (f *FLIC) AISM(isc uint8, mode uint16) error {
	if isc > 7 || mode > 1 {
		return invalid("KVM_DEV_FLIC_AISM: subclass %d, mode %d: want a subclass up to 7, and mode 0 (all) or 1 (single)", isc, mode)
	}
	return setAttr(f.attrs, uapi.DevFLICAism, 0, uapi.S390AISReq{Isc: isc, Mode: mode})
}

// AirqInject makes an adapter's interrupt pending.
//
// attr: KVM_DEV_FLIC_AIRQ_INJECT (device) · since: Linux 4.12
func (f *FLIC) AirqInject(id uint32) error {
	return orderAttr(f.attrs, uapi.DevFLICAirqInject, uint64(id))
}

// AISMAll returns how adapter interrupts are suppressed, for all subclasses.
//
// attr: KVM_DEV_FLIC_AISM_ALL (device) · since: Linux 4.15
func (f *FLIC) AISMAll() (uapi.S390AISAll, error) {
	return getAttr[uapi.S390AISAll](f.attrs, uapi.DevFLICAismAll, 0)
}

// SetAISMAll sets how adapter interrupts are suppressed, for all subclasses.
//
// attr: KVM_DEV_FLIC_AISM_ALL (device) · since: Linux 4.15
func (f *FLIC) SetAISMAll(all *uapi.S390AISAll) error {
	return setAttrFrom(f.attrs, uapi.DevFLICAismAll, 0, all)
}
