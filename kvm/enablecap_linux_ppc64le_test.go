package kvm

import (
	"testing"

	"linuxkvm/uapi"
)

func TestPPCEnableCaps(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapPPCSMT, "")
	must(t, vm.SetSMT(1)) // before the first vCPU
	v := newTestVCPU(t, vm)
	needCap(t, vm, uapi.CapPPCPAPR, "")
	must(t, v.EnablePAPR())
	needCap(t, vm, uapi.CapPPCEnableHcall, "")
	const cede = 0xe0
	must(t, vm.EnableHCall(cede, true))
	must(t, vm.EnableHCall(cede, false))
}

func TestPPCEnableCapsRefuse(t *testing.T) {
	vm := fakeVM(t)
	refused(t, vm.EnableHCall(0xe1, true), "0xe1")
	reached(t, vm.EnableHCall(0xe0, true))
	for _, threads := range []uint64{0, 3, 1<<63 + 1} {
		refused(t, vm.SetSMT(threads), "power of two")
	}
	reached(t, vm.SetSMT(8))
	reached(t, vm.EnableNestedHV())
	reached(t, vm.EnableSecureGuest())
	reached(t, vm.EnableDAWR1())
	v := fakeVCPUOf(t, vm)
	for _, enable := range []func() error{v.EnablePAPR, v.EnableOSI, v.EnableBookEWatchdog, v.EnableFWNMI} {
		reached(t, enable())
	}
	reached(t, v.EnableEPR(true))
}

func TestPPCExternalInterrupt(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapPPCIRQLevel, "")
	v := newTestVCPU(t, vm)
	must(t, v.SetExternalInterrupt(true))
	must(t, v.SetExternalInterrupt(false))
}
