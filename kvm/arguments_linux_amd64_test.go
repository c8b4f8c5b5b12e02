package kvm

import (
	"math"
	"testing"

	"linuxkvm/uapi"
)

// No argument makes a call fault: it is an error.
func TestWrongArgumentsAreErrors(t *testing.T) {
	vm := newTestVM(t)
	must(t, vm.CreateIRQChip())
	v := newTestVCPU(t, vm)
	e := newTestEventFD(t)
	const huge = math.MaxUint64
	for name, err := range map[string]error{
		"SetRegs nil":              v.SetRegs(nil),
		"ModifyRegs nil":           v.ModifyRegs(nil),
		"SetSregs nil":             v.SetSregs(nil),
		"SetSregs2 nil":            v.SetSregs2(nil),
		"SetFPU nil":               v.SetFPU(nil),
		"SetXSAVE nil":             v.SetXSAVE(nil),
		"SetXCRs nil":              v.SetXCRs(nil),
		"SetXCRs huge":             v.SetXCRs(&uapi.XCRs{NrXCRs: math.MaxUint32}),
		"SetDebugRegs nil":         v.SetDebugRegs(nil),
		"SetVCPUEvents nil":        v.SetVCPUEvents(nil),
		"SetVCPUEvents huge":       v.SetVCPUEvents(&uapi.VCPUEvents{Flags: math.MaxUint32}),
		"SetMPState huge":          v.SetMPState(math.MaxUint32),
		"SetLAPIC nil":             v.SetLAPIC(nil),
		"SetGuestDebug nil":        v.SetGuestDebug(nil),
		"SetMSR huge":              v.SetMSR(math.MaxUint32, huge),
		"OneReg nil":               v.OneReg(0, nil),
		"SetOneReg nil":            v.SetOneReg(huge, nil),
		"EnableCap huge":           v.EnableCap(math.MaxUint32, huge),
		"SetUserMemoryRegion nil":  vm.SetUserMemoryRegion2(MemorySlot{}),
		"SetTSSAddr huge":          vm.SetTSSAddr(huge),
		"SetBootCPUID negative":    vm.SetBootCPUID(-1),
		"EnableCap vm huge":        vm.EnableCap(math.MaxUint32, huge),
		"SetIRQChip nil":           vm.SetIRQChip(nil),
		"SetIRQChip huge":          vm.SetIRQChip(&uapi.IRQChip{ChipID: math.MaxUint32}),
		"SetPIC nil":               vm.SetPIC(0, nil),
		"SetPIC huge":              vm.SetPIC(math.MaxUint32, &uapi.PICState{}),
		"SetIOAPIC nil":            vm.SetIOAPIC(nil),
		"SetPIT2 nil":              vm.SetPIT2(nil),
		"SetClock nil":             vm.SetClock(nil),
		"SetGSIRouting nil":        vm.SetGSIRouting(nil),
		"Irqfd nil":                vm.Irqfd(nil, 0),
		"Irqfd zero":               vm.Irqfd(&EventFD{}, 0),
		"IrqfdResample nil":        vm.IrqfdResample(e, nil, 0),
		"DeassignIrqfd nil":        vm.DeassignIrqfd(nil, 0),
		"IOEventfd nil":            vm.IOEventfd(nil, IOEvent{}),
		"IOEventfd huge":           vm.IOEventfd(e, IOEvent{Addr: huge, Len: math.MaxUint32}),
		"DeassignIOEventfd absent": vm.DeassignIOEventfd(e, IOEvent{Addr: huge, Len: 8}),
		"ClearDirtyLog nil":        vm.ClearDirtyLog(0, 0, nil),
		"ClearDirtyLog huge":       vm.ClearDirtyLog(math.MaxUint32, huge, NewDirtyBitmap(64)),
		"EnableManualDirtyLog":     vm.EnableManualDirtyLog(huge),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	// These have no wrong value, or take any: they must just come back.
	_ = vm.SetNrMMUPages(huge)
	_ = vm.CreatePIT2(math.MaxUint32)
	_ = vm.Irqfd(e, math.MaxUint32)
	_ = v.SetGuestDebug(&uapi.GuestDebug{Control: math.MaxUint32})
	_ = vm.SetIdentityMapAddr(huge)
	_ = vm.IRQLine(math.MaxUint32, true)
	_, _ = vm.SignalMSI(&uapi.MSI{AddressLo: math.MaxUint32, Data: math.MaxUint32})
	_, _ = v.Translate(huge)
	_ = v.SetTSCKHz(math.MaxUint32)
	_ = v.SetVAPICAddr(huge)
	_ = v.SetCPUID2(nil)
}

// Everything on a closed object is ErrClosed.
func TestClosedObjects(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	must(t, v.Close())
	must(t, vm.Close())
	_, regs := v.Regs()
	_, msrs := v.MSRs(0x10)
	_, cpuid := v.CPUID2()
	_, xsave := v.XSAVE2()
	_, log := vm.DirtyLog(0)
	_, clock := vm.Clock()
	_, device := vm.CreateDevice(uapi.DevTypeVFIO)
	_, state := v.RunState()
	_, vcpu := vm.CreateVCPU(1)
	for name, err := range map[string]error{
		"Regs": regs, "MSRs": msrs, "CPUID2": cpuid, "XSAVE2": xsave, "DirtyLog": log, "Clock": clock,
		"CreateDevice": device, "RunState": state, "CreateVCPU": vcpu,
		"SetRegs": v.SetRegs(&uapi.Regs{}), "NMI": v.NMI(), "Kick": v.Kick(),
		"CreateIRQChip": vm.CreateIRQChip(), "SetGSIRouting": vm.SetGSIRouting(&GSIRoutes{}),
		"SetSignalMask": v.SetSignalMask(), "EnableCap": vm.EnableCap(1),
		"DeleteMemoryRegion": vm.DeleteMemoryRegion(0),
	} {
		t.Run(name, func(t *testing.T) { wantError(t, err, ErrClosed) })
	}
}
