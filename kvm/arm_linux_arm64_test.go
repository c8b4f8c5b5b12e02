package kvm

import (
	"testing"

	"linuxkvm/internal/sys"
	"linuxkvm/uapi"
)

// armRequests are the requests that only this architecture has.
var armRequests = map[string]requestRow{
	"IoctlVMArmPreferredTarget":     structOf[uapi.VCPUInit](uapi.IoctlVMArmPreferredTarget),
	"IoctlVMArmSetDeviceAddr":       structOf[uapi.ArmDeviceAddr](uapi.IoctlVMArmSetDeviceAddr),
	"IoctlVMArmMTECopyTags":         structOf[uapi.ArmCopyMTETags](uapi.IoctlVMArmMTECopyTags),
	"IoctlVMArmSetCounterOffset":    structOf[uapi.ArmCounterOffset](uapi.IoctlVMArmSetCounterOffset),
	"IoctlVMArmGetRegWritableMasks": structOf[uapi.RegMaskRange](uapi.IoctlVMArmGetRegWritableMasks),
	"IoctlVCPUArmVCPUInit":          structOf[uapi.VCPUInit](uapi.IoctlVCPUArmVCPUInit),
	"IoctlVCPUArmVCPUFinalize":      structOf[int32](uapi.IoctlVCPUArmVCPUFinalize),
}

func TestRequestSizes(t *testing.T) { checkRequestSizes(t, armRequests) }

func TestArmPreferredTarget(t *testing.T) {
	vm := newTestVM(t)
	init, err := vm.ArmPreferredTarget()
	must(t, err)
	v, err := vm.CreateVCPU(0)
	must(t, err)
	defer v.Close()
	must(t, v.ArmVCPUInit(&init))
	must(t, v.ArmVCPUInit(&init)) // again is a reset
	if err := v.ArmVCPUInit(nil); err == nil {
		t.Error("nil was taken")
	}
	refused(t, v.ArmVCPUFinalize(-1), "-1")
	if err := v.ArmVCPUFinalize(uapi.ArmVCPUSVE); err == nil {
		t.Error("SVE is final without having been asked for")
	}
}

func TestArmRegWritableMasks(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapArmSupportedRegMaskRanges, "6.7")
	masks, err := vm.ArmGetRegWritableMasks()
	must(t, err)
	if masks == (ArmRegMasks{}) {
		t.Error("no bit of any feature register can be set")
	}
}

func TestArmCounterOffset(t *testing.T) {
	vm := newTestVM(t)
	needCap(t, vm, uapi.CapCounterOffset, "6.4")
	must(t, vm.ArmSetCounterOffset(1<<40))
}

func TestArmDeviceAddr(t *testing.T) {
	vm := newTestVM(t)
	// There is no VGICv2 to place; what is placed wrong is refused all the same.
	if err := vm.ArmSetDeviceAddr(0xffff, 0x8000000); err == nil {
		t.Error("a part that a VGICv2 does not have was placed")
	}
	reached(t, fakeVM(t).ArmSetDeviceAddr(uapi.VGICV2AddrTypeDist, 0x8000000))
	refused(t, fakeVM(t).ArmSetDeviceAddr(uapi.VGICV2AddrTypeDist, 0x8000001), "0x8000001")
}

func TestArmMTEArguments(t *testing.T) {
	vm := fakeVM(t)
	tags := make([]byte, sys.PageSize()/armTagGranule)
	for _, wrong := range []struct {
		gpa  uint64
		tags []byte
		word string
	}{
		{1, tags, "0x1"},
		{0, nil, "no tags"},
		{0, tags[1:], "whole pages"},
	} {
		_, err := vm.ArmMTETags(wrong.gpa, wrong.tags)
		refused(t, err, wrong.word)
		_, err = vm.SetArmMTETags(wrong.gpa, wrong.tags)
		refused(t, err, wrong.word)
	}
	_, err := vm.ArmMTETags(0, tags)
	reached(t, err)
}
