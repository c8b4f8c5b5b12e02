package kvm

import "linuxkvm/uapi"

// XenVCPUAttr is an attribute of a vCPU whose guest believes to run on Xen: one of
// XenVCPUInfo, XenVCPUInfoHVA, XenVCPUTimeInfo, XenRunstateAddr,
// XenRunstateCurrent, XenRunstateData, XenRunstateAdjust, XenVCPUID, XenTimer and
// XenVCPUUpcallVector.
type XenVCPUAttr interface{ xenVCPUAttr() }

type (
	// XenVCPUInfo is the guest-physical address of the vcpu_info, 64 bytes in one
	// page, or uapi.XenInvalidGPA for none. KVM writes to it and does not log that
	// as dirty.
	XenVCPUInfo uint64

	// XenVCPUInfoHVA is the place in host memory of a vcpu_info that is in the
	// shared_info page; a zero value is for none. The VM keeps it mapped until the
	// vCPU has another one, or the VM and its vCPUs are closed.
	XenVCPUInfoHVA XenMemory

	// XenVCPUTimeInfo is the guest-physical address of one more structure with the
	// time, or uapi.XenInvalidGPA for none.
	XenVCPUTimeInfo uint64

	// XenRunstateAddr is the guest-physical address of the vcpu_runstate_info, or
	// uapi.XenInvalidGPA for none. It is ENOENT to ask for one that is not set.
	XenRunstateAddr uint64

	// XenRunstateCurrent is the vCPU's state: XenRunstateRunning and so on.
	XenRunstateCurrent uint64

	// XenRunstateData is the vCPU's state, and how long it has been in each one, in
	// nanoseconds. StateEntryTime is the sum of the other times: EINVAL otherwise.
	XenRunstateData struct {
		State          uint64 // XenRunstateRunning and so on
		StateEntryTime uint64
		TimeRunning    uint64
		TimeRunnable   uint64
		TimeBlocked    uint64
		TimeOffline    uint64
	}

	// XenRunstateAdjust is added to the times; its State is a new state, or
	// XenRunstateKeep. It is set only.
	XenRunstateAdjust XenRunstateData

	// XenVCPUID is the vCPU's number for the guest's hypercalls about timers.
	XenVCPUID uint32

	// XenTimer is the vCPU's one-shot timer.
	XenTimer struct {
		Port      uint32 // event channel it fires on; 0 leaves timers to the caller
		Priority  uint32 // uapi.IRQRoutingXenEvtchnPrio2Level
		ExpiresNs uint64 // when it fires, in nanoseconds of the guest's kvmclock; 0 is never
	}

	// XenVCPUUpcallVector is the vector of this vCPU's local APIC that tells it of
	// events, from 0x10 on, or 0 for none.
	XenVCPUUpcallVector uint8
)

// States of a vCPU, which are Xen's.
const (
	XenRunstateRunning = iota
	XenRunstateRunnable
	XenRunstateBlocked
	XenRunstateOffline

	// XenRunstateKeep leaves the state as it is in XenRunstateAdjust.
	XenRunstateKeep = 1<<64 - 1
)

func (XenVCPUInfo) xenVCPUAttr()         {}
func (XenVCPUInfoHVA) xenVCPUAttr()      {}
func (XenVCPUTimeInfo) xenVCPUAttr()     {}
func (XenRunstateAddr) xenVCPUAttr()     {}
func (XenRunstateCurrent) xenVCPUAttr()  {}
func (XenRunstateData) xenVCPUAttr()     {}
func (XenRunstateAdjust) xenVCPUAttr()   {}
func (XenVCPUID) xenVCPUAttr()           {}
func (XenTimer) xenVCPUAttr()            {}
func (XenVCPUUpcallVector) xenVCPUAttr() {}

// xenVCPUInfo is the key of a vCPU's vcpu_info among what a VM holds.
type xenVCPUInfo struct{ vcpu int }

// XenVCPUSetAttr sets an attribute of the vCPU. ENOENT means one that this kernel
// does not have: what there is depends on the value of KVM_CAP_XEN_HVM.
//
// ioctl: KVM_XEN_VCPU_SET_ATTR (vcpu) · cap: KVM_CAP_XEN_HVM · arch: x86 · since: Linux 5.12 · doc: virt/kvm/api.rst "KVM_XEN_VCPU_SET_ATTR"
func (v *VCPU) XenVCPUSetAttr(attr XenVCPUAttr) error {
	const req = uapi.IoctlVCPUXenVCPUSetAttr
	if a, ok := attr.(XenVCPUInfoHVA); ok {
		return v.setXenVCPUInfo(a)
	}
	raw, err := encodeXenVCPU(attr)
	if err != nil {
		return err
	}
	set := func() error { return vcpuSet(v, req, &raw) }
	if raw.Type == uapi.XenVCPUAttrTypeVCPUInfo {
		// It takes the place of one by HVA.
		err = v.replaceHeld(req, xenVCPUInfo{v.id}, holding{}, set)
	} else {
		err = set()
	}
	return v.vm.explainXen(err, uapi.XenHvmConfigSharedInfo, "5.12")
}

func (v *VCPU) setXenVCPUInfo(a XenVCPUInfoHVA) error {
	const req = uapi.IoctlVCPUXenVCPUSetAttr
	const size, align = 64, 8
	raw := uapi.XenVCPUAttr{Type: uapi.XenVCPUAttrTypeVCPUInfoHVA}
	hva, h, err := XenMemory(a).hold(req, size, align)
	if err != nil {
		return err
	}
	if err := v.vm.requireXen(uapi.XenHvmConfigSharedInfoHVA, "6.9"); err != nil {
		h.free()
		return err
	}
	*raw.U.HVA() = hva
	return v.replaceHeld(req, xenVCPUInfo{v.id}, h, func() error { return vcpuSet(v, req, &raw) })
}

// replaceHeld is holdings.replace for a vCPU that may be closed, and a call that
// may fail halfway.
func (v *VCPU) replaceHeld(op uapi.VCPUIoctl, key any, h holding, call func() error) error {
	c := v.c()
	if _, ok := c.fd.Acquire(); !ok {
		h.free()
		return opError(op, ErrClosed)
	}
	defer c.fd.Release()
	return v.vm.c().held.replace(key, h, true, call)
}

func encodeXenVCPU(attr XenVCPUAttr) (raw uapi.XenVCPUAttr, err error) {
	switch a := attr.(type) {
	case XenVCPUInfo:
		raw.Type = uapi.XenVCPUAttrTypeVCPUInfo
		*raw.U.GPA() = uint64(a)
	case XenVCPUTimeInfo:
		raw.Type = uapi.XenVCPUAttrTypeVCPUTimeInfo
		*raw.U.GPA() = uint64(a)
	case XenRunstateAddr:
		raw.Type = uapi.XenVCPUAttrTypeRunstateAddr
		*raw.U.GPA() = uint64(a)
	case XenRunstateCurrent:
		raw.Type = uapi.XenVCPUAttrTypeRunstateCurrent
		raw.U.Runstate().State = uint64(a)
	case XenRunstateData:
		raw.Type = uapi.XenVCPUAttrTypeRunstateData
		a.encode(raw.U.Runstate())
	case XenRunstateAdjust:
		raw.Type = uapi.XenVCPUAttrTypeRunstateAdjust
		XenRunstateData(a).encode(raw.U.Runstate())
	case XenVCPUID:
		raw.Type = uapi.XenVCPUAttrTypeVCPUID
		*raw.U.VCPUID() = uint32(a)
	case XenTimer:
		raw.Type = uapi.XenVCPUAttrTypeTimer
		t := raw.U.Timer()
		t.Port, t.Priority, t.ExpiresNs = a.Port, a.Priority, a.ExpiresNs
	case XenVCPUUpcallVector:
		raw.Type = uapi.XenVCPUAttrTypeUpcallVector
		*raw.U.Vector() = uint8(a)
	default:
		return raw, invalid("%v: %T is not an attribute of a vCPU that can be set", uapi.IoctlVCPUXenVCPUSetAttr, attr)
	}
	return raw, nil
}

func (a XenRunstateData) encode(r *uapi.XenVCPUAttrRunstate) {
	r.State, r.StateEntryTime = a.State, a.StateEntryTime
	r.TimeRunning, r.TimeRunnable, r.TimeBlocked, r.TimeOffline = a.TimeRunning, a.TimeRunnable, a.TimeBlocked, a.TimeOffline
}

func decodeXenRunstate(r *uapi.XenVCPUAttrRunstate) XenRunstateData {
	return XenRunstateData{
		State: r.State, StateEntryTime: r.StateEntryTime,
		TimeRunning: r.TimeRunning, TimeRunnable: r.TimeRunnable, TimeBlocked: r.TimeBlocked, TimeOffline: r.TimeOffline,
	}
}

// XenVCPUAttr returns an attribute of the vCPU, by its type:
// uapi.XenVCPUAttrTypeVCPUInfo and so on, all but XenVCPUAttrTypeRunstateAdjust.
// The value is of the type that XenVCPUSetAttr takes.
//
// ioctl: KVM_XEN_VCPU_GET_ATTR (vcpu) · cap: KVM_CAP_XEN_HVM · arch: x86 · since: Linux 5.12 · doc: virt/kvm/api.rst "KVM_XEN_VCPU_GET_ATTR"
func (v *VCPU) XenVCPUAttr(kind uint16) (XenVCPUAttr, error) {
	raw := uapi.XenVCPUAttr{Type: kind}
	if _, err := v.decodeXenVCPU(&raw); err != nil {
		return nil, err // before the kernel is asked
	}
	err := vcpuSet(v, uapi.IoctlVCPUXenVCPUGetAttr, &raw)
	if err != nil {
		return nil, v.vm.explainXen(err, uapi.XenHvmConfigSharedInfo, "5.12")
	}
	return v.decodeXenVCPU(&raw)
}

func (v *VCPU) decodeXenVCPU(raw *uapi.XenVCPUAttr) (XenVCPUAttr, error) {
	switch u := &raw.U; raw.Type {
	case uapi.XenVCPUAttrTypeVCPUInfo:
		return XenVCPUInfo(*u.GPA()), nil
	case uapi.XenVCPUAttrTypeVCPUInfoHVA:
		return XenVCPUInfoHVA(findXenMemory(v.vm, xenVCPUInfo{v.id}, *u.HVA())), nil
	case uapi.XenVCPUAttrTypeVCPUTimeInfo:
		return XenVCPUTimeInfo(*u.GPA()), nil
	case uapi.XenVCPUAttrTypeRunstateAddr:
		return XenRunstateAddr(*u.GPA()), nil
	case uapi.XenVCPUAttrTypeRunstateCurrent:
		return XenRunstateCurrent(u.Runstate().State), nil
	case uapi.XenVCPUAttrTypeRunstateData:
		return decodeXenRunstate(u.Runstate()), nil
	case uapi.XenVCPUAttrTypeVCPUID:
		return XenVCPUID(*u.VCPUID()), nil
	case uapi.XenVCPUAttrTypeTimer:
		t := u.Timer()
		return XenTimer{Port: t.Port, Priority: t.Priority, ExpiresNs: t.ExpiresNs}, nil
	case uapi.XenVCPUAttrTypeUpcallVector:
		return XenVCPUUpcallVector(*u.Vector()), nil
	default:
		return nil, invalid("%v: type %d is not an attribute of a vCPU that can be read", uapi.IoctlVCPUXenVCPUGetAttr, raw.Type)
	}
}
