//go:build !s390x

package kvm

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"linuxkvm/uapi"
)

var (
	mmioZone = CoalescedZone{Addr: 0x20000, Size: 0x1000}
	portZone = CoalescedZone{Addr: 0x80, Size: 1, PIO: true}
)

func coalesce(t *testing.T, vm *VM, zones ...CoalescedZone) {
	t.Helper()
	for _, zone := range zones {
		if runtime.GOARCH == "ppc64le" {
			needCap(t, vm, uapi.CapCoalescedMMIO, "") // only kernels that have kvm-pr have it
		}
		if zone.PIO {
			needCap(t, vm, uapi.CapCoalescedPIO, "4.20")
		} else {
			needCap(t, vm, uapi.CapCoalescedMMIO, "2.6.27")
		}
		must(t, vm.RegisterCoalescedMMIO(zone))
	}
}

func TestCoalescedRefusals(t *testing.T) {
	vm := newTestVM(t)
	if n, err := vm.CheckExtension(uapi.CapCoalescedPIO); err == nil && n == 0 {
		wantError(t, vm.RegisterCoalescedMMIO(portZone), ErrNotSupported, "KVM_CAP_COALESCED_PIO", "4.20")
		needCap(t, vm, uapi.CapCoalescedPIO, "") // on ppc64le it depends on the kernel
	}
	for _, bad := range []CoalescedZone{
		{},
		{Addr: 0x1000},
		{Addr: math.MaxUint64, Size: 2},
		{Addr: math.MaxUint64 - 10, Size: math.MaxUint32},
		{Addr: 0xffff, Size: 2, PIO: true},
		{Addr: 0x10000, Size: 1, PIO: true},
		{Addr: math.MaxUint64, Size: math.MaxUint32, PIO: true},
		{Addr: 0, Size: 0, PIO: true},
	} {
		wantError(t, vm.RegisterCoalescedMMIO(bad), ErrInvalid, "KVM_REGISTER_COALESCED_MMIO")
		wantError(t, vm.UnregisterCoalescedMMIO(bad), ErrInvalid, "KVM_UNREGISTER_COALESCED_MMIO")
	}
	// Twice, overlapping, and not there: KVM has no objection.
	coalesce(t, vm, mmioZone, mmioZone, CoalescedZone{Addr: 0x20800, Size: 0x1000}, CoalescedZone{Addr: 0xffff, Size: 1, PIO: true})
	must(t, vm.UnregisterCoalescedMMIO(CoalescedZone{Addr: 0x90000, Size: 1}))
	v := newTestVCPU(t, vm)
	seq, err := v.CoalescedRing()
	must(t, err)
	must(t, vm.Close())
	wantError(t, vm.RegisterCoalescedMMIO(mmioZone), ErrClosed)
	wantError(t, vm.UnregisterCoalescedMMIO(portZone), ErrClosed)
	_, err = v.CoalescedRing()
	wantError(t, err, ErrClosed)
	must(t, v.Close())
	if got := slices.Collect(seq); len(got) != 0 {
		t.Errorf("a closed vCPU shows %+v", got)
	}
}
