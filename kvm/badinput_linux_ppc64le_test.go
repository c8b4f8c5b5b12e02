package kvm

import (
	"testing"

	"linuxkvm/uapi"
)

var subjectsHere = []subject{
	{"XICS", func(t *testing.T) any { return newBadInputDevice(t, (*VM).CreateXICS) }, new(XICS)},
	{"XIVE", func(t *testing.T) any { return newBadInputDevice(t, (*VM).CreateXIVE) }, new(XIVE)},
	{"MPIC", func(t *testing.T) any { return newBadInputDevice(t, (*VM).CreateMPIC42) }, new(MPIC)},
	{"HTAB", func(t *testing.T) any {
		return newBadInputDevice(t, func(vm *VM) (*HTAB, error) { return vm.PPCHTABFD(0, 0) })
	}, new(HTAB)},
	{"TCETable", func(t *testing.T) any {
		return newBadInputDevice(t, func(vm *VM) (*TCETable, error) {
			return vm.CreateSPAPRTCE64(&uapi.CreateSPAPRTCE64{Liobn: 1, PageShift: 12, Size: 16})
		})
	}, new(TCETable)},
}
