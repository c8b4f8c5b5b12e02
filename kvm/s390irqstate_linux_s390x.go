package kvm

import (
	"errors"
	"math"
	"reflect"
	"syscall"

	"linuxkvm/uapi"
)

var sizeofS390IRQ = int(reflect.TypeFor[uapi.S390IRQ]().Size())

// S390IRQState returns all interrupts that are pending for this vCPU; floating
// ones are the VM's.
//
// ioctl: KVM_S390_GET_IRQ_STATE (vcpu) · cap: KVM_CAP_S390_IRQ_STATE · arch: s390 · since: Linux 4.1 · doc: virt/kvm/api.rst "KVM_S390_GET_IRQ_STATE"
func (v *VCPU) S390IRQState() ([]uapi.S390IRQ, error) {
	for n := 64; ; n *= 2 {
		list := make([]uapi.S390IRQ, n)
		size, err := v.irqState(uapi.IoctlVCPUS390GetIRQState, list)
		if errors.Is(err, syscall.ENOBUFS) && n < maxElements {
			continue
		}
		if err != nil {
			return nil, explain(err, v.vm, uapi.CapS390IRQState, "4.1")
		}
		return list[:min(max(size/sizeofS390IRQ, 0), n)], nil
	}
}

// S390SetIRQState makes interrupts pending for a vCPU that has none: EBUSY
// otherwise. No interrupts is nothing to do.
//
// ioctl: KVM_S390_SET_IRQ_STATE (vcpu) · cap: KVM_CAP_S390_IRQ_STATE · arch: s390 · since: Linux 4.1 · doc: virt/kvm/api.rst "KVM_S390_SET_IRQ_STATE"
func (v *VCPU) S390SetIRQState(list []uapi.S390IRQ) error {
	if len(list) == 0 {
		return nil // which KVM refuses
	}
	if len(list) > math.MaxUint32/sizeofS390IRQ {
		return invalid("%v: %d interrupts", uapi.IoctlVCPUS390SetIRQState, len(list))
	}
	_, err := v.irqState(uapi.IoctlVCPUS390SetIRQState, list)
	return explain(err, v.vm, uapi.CapS390IRQState, "4.1")
}

func (v *VCPU) irqState(req uapi.VCPUIoctl, list []uapi.S390IRQ) (n int, err error) {
	err = pinned(list, func(addr uint64) error {
		n, err = ioctlStruct(v.c().fd, req, &uapi.S390IRQState{Buf: addr, Len: uint32(len(list) * sizeofS390IRQ)})
		return err
	})
	return n, err
}
