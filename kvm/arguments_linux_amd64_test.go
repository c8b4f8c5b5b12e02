package kvm

import (
	"math"
	"testing"

	"linuxkvm/uapi"
)

// No argument makes a call fault: it is an error.
func TestWrongArgumentsOfAMD64AreErrors(t *testing.T) {
	vm := newTestVM(t)
	must(t, vm.CreateIRQChip())
	v := newTestVCPU(t, vm)
	const huge = math.MaxUint64
	for name, err := range map[string]error{
		"SetRegs nil":           v.SetRegs(nil),
		"ModifyRegs nil":        v.ModifyRegs(nil),
		"SetSregs nil":          v.SetSregs(nil),
		"SetSregs2 nil":         v.SetSregs2(nil),
		"SetFPU nil":            v.SetFPU(nil),
		"SetXSAVE nil":          v.SetXSAVE(nil),
		"SetXCRs nil":           v.SetXCRs(nil),
		"SetXCRs huge":          v.SetXCRs(&uapi.XCRs{NrXCRs: math.MaxUint32}),
		"SetDebugRegs nil":      v.SetDebugRegs(nil),
		"SetVCPUEvents nil":     v.SetVCPUEvents(nil),
		"SetVCPUEvents huge":    v.SetVCPUEvents(&uapi.VCPUEvents{Flags: math.MaxUint32}),
		"SetMPState huge":       v.SetMPState(math.MaxUint32),
		"SetLAPIC nil":          v.SetLAPIC(nil),
		"SetMSR huge":           v.SetMSR(math.MaxUint32, huge),
		"SetTSSAddr huge":       vm.SetTSSAddr(huge),
		"SetBootCPUID negative": vm.SetBootCPUID(-1),
		"SetIRQChip nil":        vm.SetIRQChip(nil),
		"SetIRQChip huge":       vm.SetIRQChip(&uapi.IRQChip{ChipID: math.MaxUint32}),
		"SetPIC nil":            vm.SetPIC(0, nil),
		"SetPIC huge":           vm.SetPIC(math.MaxUint32, &uapi.PICState{}),
		"SetIOAPIC nil":         vm.SetIOAPIC(nil),
		"SetPIT2 nil":           vm.SetPIT2(nil),
		"SetClock nil":          vm.SetClock(nil),
		"SetGSIRouting nil":     vm.SetGSIRouting(nil),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	// These have no wrong value, or take any: they must just come back.
	_ = vm.SetNrMMUPages(huge)
	_ = vm.CreatePIT2(math.MaxUint32)
	_ = vm.SetIdentityMapAddr(huge)
	_ = vm.IRQLine(math.MaxUint32, true)
	_, _ = vm.SignalMSI(&uapi.MSI{AddressLo: math.MaxUint32, Data: math.MaxUint32})
	_, _ = v.Translate(huge)
	_ = v.SetTSCKHz(math.MaxUint32)
	_ = v.SetVAPICAddr(huge)
	_ = v.SetCPUID2(nil)
}

// Everything on a closed object is ErrClosed.
func TestClosedObjectsOfAMD64(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	must(t, v.Close())
	must(t, vm.Close())
	_, regs := v.Regs()
	_, msrs := v.MSRs(0x10)
	_, cpuid := v.CPUID2()
	_, xsave := v.XSAVE2()
	_, clock := vm.Clock()
	for name, err := range map[string]error{
		"Regs": regs, "MSRs": msrs, "CPUID2": cpuid, "XSAVE2": xsave, "Clock": clock,
		"SetRegs": v.SetRegs(&uapi.Regs{}), "NMI": v.NMI(),
		"CreateIRQChip": vm.CreateIRQChip(), "SetGSIRouting": vm.SetGSIRouting(&GSIRoutes{}),
	} {
		t.Run(name, func(t *testing.T) { wantError(t, err, ErrClosed) })
	}
}
