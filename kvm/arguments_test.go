package kvm

import (
	"math"
	"testing"

	"linuxkvm/uapi"
)

// No argument makes a call fault: it is an error.
func TestWrongArgumentsAreErrors(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	e := newTestEventFD(t)
	const huge = math.MaxUint64
	for name, err := range map[string]error{
		"SetGuestDebug nil":        v.SetGuestDebug(nil),
		"OneReg nil":               v.OneReg(0, nil),
		"SetOneReg nil":            v.SetOneReg(huge, nil),
		"EnableCap huge":           v.EnableCap(math.MaxUint32, huge),
		"SetUserMemoryRegion nil":  vm.SetUserMemoryRegion2(MemorySlot{}),
		"EnableCap vm huge":        vm.EnableCap(math.MaxUint32, huge),
		"Irqfd nil":                vm.Irqfd(nil, 0),
		"Irqfd zero":               vm.Irqfd(&EventFD{}, 0),
		"IrqfdResample nil":        vm.IrqfdResample(e, nil, 0),
		"DeassignIrqfd nil":        vm.DeassignIrqfd(nil, 0),
		"IOEventfd nil":            vm.IOEventfd(nil, IOEvent{}),
		"IOEventfd huge":           vm.IOEventfd(e, IOEvent{Addr: huge, Len: math.MaxUint32}),
		"DeassignIOEventfd absent": vm.DeassignIOEventfd(e, IOEvent{Addr: huge, Len: 8}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	// These have no wrong value, or take any: they must just come back.
	_ = vm.Irqfd(e, math.MaxUint32)
	_ = v.SetGuestDebug(&uapi.GuestDebug{Control: math.MaxUint32})
}

// Everything on a closed object is ErrClosed.
func TestClosedObjects(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	e := newTestEventFD(t)
	must(t, v.Close())
	must(t, vm.Close())
	_, log := vm.DirtyLog(0)
	_, device := vm.CreateDevice(uapi.DevTypeVFIO)
	_, state := v.RunState()
	_, vcpu := vm.CreateVCPU(1)
	_, reg := v.OneRegUint64(uapi.RegSizeU64)
	_, run := v.Run()
	for name, err := range map[string]error{
		"DirtyLog": log, "CreateDevice": device, "RunState": state, "CreateVCPU": vcpu,
		"OneReg": reg, "SetOneReg": v.SetOneRegUint64(uapi.RegSizeU64, 0), "Run": run, "Kick": v.Kick(),
		"SetGuestDebug": v.SetGuestDebug(&uapi.GuestDebug{}), "SetSignalMask": v.SetSignalMask(),
		"EnableCap": v.EnableCap(1), "EnableCap vm": vm.EnableCap(1),
		"DeleteMemoryRegion": vm.DeleteMemoryRegion(0), "Irqfd": vm.Irqfd(e, 0),
		"IOEventfd": vm.IOEventfd(e, IOEvent{Addr: 0x1000, Len: 4}),
	} {
		t.Run(name, func(t *testing.T) { wantError(t, err, ErrClosed) })
	}
}
