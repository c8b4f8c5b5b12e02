package kvm

import (
	"math"
	"syscall"
	"testing"

	"linuxkvm/uapi"
)

// wantUnsupported checks the error of a call whose capability the host lacks, and
// then skips what is left of the test.
func wantUnsupported(t *testing.T, of extensions, c uapi.Cap, minKernel string, err error) {
	t.Helper()
	if n, e := of.CheckExtension(c); e == nil && n == 0 {
		wantError(t, err, ErrNotSupported, c.String())
		needCap(t, of, c, minKernel)
	}
}

func TestHypervEventfd(t *testing.T) {
	vm := newTestVM(t)
	e := newTestEventFD(t)
	wantError(t, vm.HypervEventfd(nil, 1), ErrInvalid, "KVM_HYPERV_EVENTFD")
	wantError(t, vm.HypervEventfd(&EventFD{}, 1), ErrInvalid)
	wantError(t, vm.HypervEventfd(e, 1<<24), ErrInvalid, "0x1000000")
	wantError(t, vm.DeassignHypervEventfd(math.MaxUint32), ErrInvalid)
	err := vm.HypervEventfd(e, 1<<24-1)
	wantUnsupported(t, vm, uapi.CapHypervEventFD, "4.17", err)
	must(t, err)
	wantError(t, vm.HypervEventfd(e, 1<<24-1), syscall.EEXIST)
	must(t, vm.DeassignHypervEventfd(1<<24-1))
	wantError(t, vm.DeassignHypervEventfd(1<<24-1), syscall.ENOENT)
}

func TestHypervEventfdClosed(t *testing.T) {
	vm := newTestVM(t)
	e := newTestEventFD(t)
	must(t, vm.Close())
	wantError(t, vm.HypervEventfd(e, 1), ErrClosed)
	wantError(t, vm.DeassignHypervEventfd(1), ErrClosed)
	must(t, e.Close())
	wantError(t, newTestVM(t).HypervEventfd(e, 1), ErrClosed)
}

func TestHypervSynIC(t *testing.T) {
	vm := newIRQChipVM(t)
	v := newTestVCPU(t, vm)
	err := v.EnableHypervSynIC2()
	wantUnsupported(t, vm, uapi.CapHypervSynIC2, "4.13", err)
	must(t, err)
	must(t, v.EnableHypervSynIC())
	const hvX64MSRScontrol = 0x40000080
	must(t, v.SetMSR(hvX64MSRScontrol, 1))
	// It takes a local APIC.
	wantError(t, newTestVCPU(t, newTestVM(t)).EnableHypervSynIC2(), syscall.EINVAL)
}

func TestHypervEnforceCPUID(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	err := v.EnableHypervEnforceCPUID(true)
	wantUnsupported(t, vm, uapi.CapHypervEnforceCPUID, "5.14", err)
	must(t, err)
	must(t, v.EnableHypervEnforceCPUID(false))
}

func TestHypervEnlightenedVMCS(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	// An address of the caller's is not for the kernel to write to.
	wantError(t, v.EnableCap(uapi.CapHypervEnlightenedVMCS, 0x1000), ErrInvalid, "EnableHypervEnlightenedVMCS")
	versions, err := v.EnableHypervEnlightenedVMCS()
	wantUnsupported(t, vm, uapi.CapHypervEnlightenedVMCS, "", err)
	must(t, err)
	if versions == 0 {
		t.Error("no versions")
	}
}

func TestHypervDirectTLBFlush(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	err := v.EnableHypervDirectTLBFlush()
	wantUnsupported(t, vm, uapi.CapHypervDirectTLBFlush, "", err)
	must(t, err)
}

func TestHypervClosedVCPU(t *testing.T) {
	v := newTestVCPU(t, newTestVM(t))
	must(t, v.VM().Close())
	must(t, v.Close())
	_, versions := v.EnableHypervEnlightenedVMCS()
	for name, err := range map[string]error{
		"SynIC": v.EnableHypervSynIC(), "SynIC2": v.EnableHypervSynIC2(), "versions": versions,
		"EnforceCPUID": v.EnableHypervEnforceCPUID(true), "DirectTLBFlush": v.EnableHypervDirectTLBFlush(),
	} {
		t.Run(name, func(t *testing.T) { wantError(t, err, ErrClosed) })
	}
}
