package kvm

import "linuxkvm/uapi"

// XenVMState are the attributes of a VM whose guest believes to run on Xen. Event
// channels, and a page that was given by its host address, are the caller's to set
// again.
type XenVMState struct {
	LongMode           uint64 // 1 for the 64-bit ABI
	SharedInfo         uint64 // guest frame number, or uapi.XenInvalidGFN
	UpcallVector       uint64
	Version            uint64
	RunstateUpdateFlag uint64
}

// XenVCPUState are the attributes of such a guest's vCPU: guest-physical addresses, or
// uapi.XenInvalidGPA, and so on. A vcpu_info that was given by its host address is the
// caller's to set again.
type XenVCPUState struct {
	VCPUInfo      uint64
	VCPUTimeInfo  uint64
	RunstateAddr  uint64
	Runstate      XenRunstateData
	VCPUID        uint64
	TimerPort     uint64
	TimerPriority uint64
	TimerExpires  uint64
	UpcallVector  uint64
}

func (vm *VM) hasXen() (bool, error) {
	n, err := vm.CheckExtension(uapi.CapXenHvm)
	return n&uapi.XenHvmConfigSharedInfo != 0, err
}

// saveXen saves nothing of a guest that has nothing to do with Xen: then the next host
// need not have it either.
func (vm *VM) saveXen(s *VMState) error {
	if has, err := vm.hasXen(); err != nil || !has {
		return err
	}
	x := XenVMState{SharedInfo: uapi.XenInvalidGFN}
	none := x
	for _, kind := range []uint16{
		uapi.XenAttrTypeLongMode, uapi.XenAttrTypeSharedInfo, uapi.XenAttrTypeUpcallVector,
		uapi.XenAttrTypeXenVersion, uapi.XenAttrTypeRunstateUpdateFlag,
	} {
		attr, err := vm.XenHvmAttr(kind)
		if err != nil {
			continue // newer than this kernel
		}
		switch a := attr.(type) {
		case XenLongMode:
			x.LongMode = uint64(oneIf(bool(a)))
		case XenSharedInfo:
			x.SharedInfo = uint64(a)
		case XenUpcallVector:
			x.UpcallVector = uint64(a)
		case XenVersion:
			x.Version = uint64(a)
		case XenRunstateUpdateFlag:
			x.RunstateUpdateFlag = uint64(oneIf(bool(a)))
		}
	}
	if x != none {
		s.Xen = &x
	}
	return nil
}

func (vm *VM) restoreXen(s *VMState) error {
	if s.Xen == nil {
		return nil
	}
	x := s.Xen
	// The ABI comes first: KVM reads the page in its layout.
	list := []XenHvmAttr{XenLongMode(x.LongMode != 0)}
	if x.Version != 0 {
		list = append(list, XenVersion(x.Version))
	}
	if x.RunstateUpdateFlag != 0 {
		list = append(list, XenRunstateUpdateFlag(true))
	}
	if x.UpcallVector != 0 {
		list = append(list, XenUpcallVector(x.UpcallVector))
	}
	if x.SharedInfo != uapi.XenInvalidGFN {
		list = append(list, XenSharedInfo(x.SharedInfo))
	}
	for _, attr := range list {
		if err := vm.XenHvmSetAttr(attr); err != nil {
			return err
		}
	}
	return nil
}

func (v *VCPU) saveXen(s *VCPUState) error {
	if has, err := v.vm.hasXen(); err != nil || !has {
		return err
	}
	none := XenVCPUState{VCPUInfo: uapi.XenInvalidGPA, VCPUTimeInfo: uapi.XenInvalidGPA, RunstateAddr: uapi.XenInvalidGPA, VCPUID: uint64(v.id)}
	x := none
	for _, kind := range []uint16{
		uapi.XenVCPUAttrTypeVCPUInfo, uapi.XenVCPUAttrTypeVCPUTimeInfo, uapi.XenVCPUAttrTypeRunstateAddr,
		uapi.XenVCPUAttrTypeRunstateData, uapi.XenVCPUAttrTypeVCPUID, uapi.XenVCPUAttrTypeTimer, uapi.XenVCPUAttrTypeUpcallVector,
	} {
		attr, err := v.XenVCPUAttr(kind)
		if err != nil {
			continue // newer than this kernel, or not set
		}
		switch a := attr.(type) {
		case XenVCPUInfo:
			x.VCPUInfo = uint64(a)
		case XenVCPUTimeInfo:
			x.VCPUTimeInfo = uint64(a)
		case XenRunstateAddr:
			x.RunstateAddr = uint64(a)
		case XenRunstateData:
			x.Runstate = a
		case XenVCPUID:
			x.VCPUID = uint64(a)
		case XenTimer:
			x.TimerPort, x.TimerPriority, x.TimerExpires = uint64(a.Port), uint64(a.Priority), a.ExpiresNs
		case XenVCPUUpcallVector:
			x.UpcallVector = uint64(a)
		}
	}
	if x != none {
		s.Xen = &x
	}
	return nil
}

func (v *VCPU) restoreXen(s *VCPUState) error {
	if s.Xen == nil {
		return nil
	}
	x := s.Xen
	var list []XenVCPUAttr
	add := func(when bool, attr XenVCPUAttr) {
		if when {
			list = append(list, attr)
		}
	}
	add(x.VCPUID != uint64(v.id), XenVCPUID(x.VCPUID))
	add(x.VCPUInfo != uapi.XenInvalidGPA, XenVCPUInfo(x.VCPUInfo))
	add(x.VCPUTimeInfo != uapi.XenInvalidGPA, XenVCPUTimeInfo(x.VCPUTimeInfo))
	add(x.RunstateAddr != uapi.XenInvalidGPA, XenRunstateAddr(x.RunstateAddr))
	add(x.RunstateAddr != uapi.XenInvalidGPA, x.Runstate)
	add(x.UpcallVector != 0, XenVCPUUpcallVector(x.UpcallVector))
	add(x.TimerPort != 0, XenTimer{Port: uint32(x.TimerPort), Priority: uint32(x.TimerPriority), ExpiresNs: x.TimerExpires})
	for _, attr := range list {
		if err := v.XenVCPUSetAttr(attr); err != nil {
			return err
		}
	}
	return nil
}
