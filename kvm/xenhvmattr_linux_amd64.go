package kvm

import "linuxkvm/uapi"

// XenHvmAttr is an attribute of a VM whose guest believes to run on Xen: one of
// XenLongMode, XenSharedInfo, XenSharedInfoHVA, XenUpcallVector, XenEvtchn,
// XenVersion and XenRunstateUpdateFlag.
type XenHvmAttr interface{ xenHvmAttr() }

type (
	// XenLongMode says whether the guest's ABI is the 64-bit one, which decides
	// on the layout of its shared_info page.
	XenLongMode bool

	// XenSharedInfo is the guest frame number of the shared_info page, or
	// uapi.XenInvalidGFN for none. KVM writes to the page and does not log that as
	// dirty.
	XenSharedInfo uint64

	// XenSharedInfoHVA is the page of host memory, from Offset on, that is the
	// shared_info page, wherever the guest puts it; a zero value is for none. The VM
	// keeps it mapped until it has another one, or it and its vCPUs are closed.
	XenSharedInfoHVA XenMemory

	// XenUpcallVector is the vector that tells any vCPU of events, from 0x10 on,
	// or 0 for none.
	XenUpcallVector uint8

	// XenVersion is what the guest is told for XENVER_version: the major version in
	// the high 16 bits, the minor in the low ones.
	XenVersion uint32

	// XenRunstateUpdateFlag says whether KVM marks a runstate as being updated.
	XenRunstateUpdateFlag bool

	// XenEvtchn says what KVM does when the guest sends on an event channel. It is
	// set only.
	XenEvtchn struct {
		SendPort uint32 // the port that the guest sends on
		Type     uint32 // XenEvtchnIPI or XenEvtchnInterdomain
		// Flags is 0 for a new port, uapi.XenEvtchnUpdate to change To.VCPU of one,
		// XenEvtchnDeassign to remove it, XenEvtchnReset to remove all.
		Flags uint32
		// To is where the event goes, unless it goes to EventFD.
		To      XenEvtchnPort
		EventFD *EventFD
	}
)

// Types of event channels, which are Xen's.
const (
	XenEvtchnInterdomain = 2
	XenEvtchnIPI         = 5
)

// XenEvtchnPort is a port of a vCPU's.
type XenEvtchnPort struct {
	Port     uint32
	VCPU     uint32 // the vCPU's id
	Priority uint32 // uapi.IRQRoutingXenEvtchnPrio2Level
}

func (XenLongMode) xenHvmAttr()           {}
func (XenSharedInfo) xenHvmAttr()         {}
func (XenSharedInfoHVA) xenHvmAttr()      {}
func (XenUpcallVector) xenHvmAttr()       {}
func (XenVersion) xenHvmAttr()            {}
func (XenRunstateUpdateFlag) xenHvmAttr() {}
func (XenEvtchn) xenHvmAttr()             {}

// xenSharedInfo is the key of that page among what a VM holds.
type xenSharedInfo struct{}

// XenHvmSetAttr sets an attribute of the VM. ENOENT means one that this kernel does
// not have: what there is depends on the value of KVM_CAP_XEN_HVM.
//
// ioctl: KVM_XEN_HVM_SET_ATTR (vm) · cap: KVM_CAP_XEN_HVM · arch: x86 · since: Linux 5.12 · doc: virt/kvm/api.rst "KVM_XEN_HVM_SET_ATTR"
func (vm *VM) XenHvmSetAttr(attr XenHvmAttr) error {
	const req = uapi.IoctlVMXenHvmSetAttr
	switch a := attr.(type) {
	case XenSharedInfoHVA:
		return vm.setXenSharedInfo(a)
	case XenEvtchn:
		return vm.setXenEvtchn(a)
	}
	raw, err := encodeXenHvm(attr)
	if err != nil {
		return err
	}
	set := func() error { return vmSet(vm, req, &raw) }
	if raw.Type == uapi.XenAttrTypeSharedInfo {
		// It takes the place of one by HVA.
		err = vm.replaceHeld(req, xenSharedInfo{}, holding{}, true, set)
	} else {
		err = set()
	}
	return vm.explainXen(err, uapi.XenHvmConfigSharedInfo, "5.12")
}

func (vm *VM) setXenSharedInfo(a XenSharedInfoHVA) error {
	const req = uapi.IoctlVMXenHvmSetAttr
	raw := uapi.XenHvmAttr{Type: uapi.XenAttrTypeSharedInfoHVA}
	hva, h, err := XenMemory(a).hold(req, pageSize(), pageSize())
	if err != nil {
		return err
	}
	if err := vm.requireXen(uapi.XenHvmConfigSharedInfoHVA, "6.9"); err != nil {
		h.free()
		return err
	}
	*raw.U.SharedInfo().HVA() = hva
	return vm.replaceHeld(req, xenSharedInfo{}, h, true, func() error { return vmSet(vm, req, &raw) })
}

func (vm *VM) setXenEvtchn(a XenEvtchn) error {
	const req = uapi.IoctlVMXenHvmSetAttr
	raw := encodeXenEvtchn(a, -1)
	set := func() error { return vmSet(vm, req, &raw) }
	if a.EventFD != nil {
		if a.To != (XenEvtchnPort{}) {
			return invalid("%v: an event channel to both a port and an EventFD", req)
		}
		set = func() error {
			return a.EventFD.with(req, func(fd int) error {
				raw := encodeXenEvtchn(a, int32(fd))
				return vmSet(vm, req, &raw)
			})
		}
	}
	return vm.explainXen(set(), uapi.XenHvmConfigEvtchnSend, "5.19")
}

// encodeXenEvtchn makes the kernel's form; fd is that of an event channel that
// leads to one.
func encodeXenEvtchn(a XenEvtchn, fd int32) uapi.XenHvmAttr {
	raw := uapi.XenHvmAttr{Type: uapi.XenAttrTypeEvtchn}
	e := raw.U.Evtchn()
	e.SendPort, e.Type, e.Flags = a.SendPort, a.Type, a.Flags
	switch {
	case a.EventFD != nil:
		e.Deliver.EventFD().FD = fd // and port 0
	case a.Flags == 0 && a.To.Port == 0:
		// KVM takes port 0 for an eventfd: there is none.
		e.Deliver.EventFD().FD = -1
	default:
		to := e.Deliver.Port()
		to.Port, to.VCPU, to.Priority = a.To.Port, a.To.VCPU, a.To.Priority
	}
	return raw
}

func encodeXenHvm(attr XenHvmAttr) (raw uapi.XenHvmAttr, err error) {
	switch a := attr.(type) {
	case XenLongMode:
		raw.Type = uapi.XenAttrTypeLongMode
		*raw.U.LongMode() = oneIf(bool(a))
	case XenSharedInfo:
		raw.Type = uapi.XenAttrTypeSharedInfo
		raw.U.SharedInfo().GFN = uint64(a)
	case XenUpcallVector:
		raw.Type = uapi.XenAttrTypeUpcallVector
		*raw.U.Vector() = uint8(a)
	case XenVersion:
		raw.Type = uapi.XenAttrTypeXenVersion
		*raw.U.XenVersion() = uint32(a)
	case XenRunstateUpdateFlag:
		raw.Type = uapi.XenAttrTypeRunstateUpdateFlag
		*raw.U.RunstateUpdateFlag() = oneIf(bool(a))
	default:
		return raw, invalid("%v: %T is not an attribute of a VM that can be set", uapi.IoctlVMXenHvmSetAttr, attr)
	}
	return raw, nil
}

// XenHvmAttr returns an attribute of the VM, by its type: uapi.XenAttrTypeLongMode
// and so on, all but XenAttrTypeEvtchn. The value is of the type that
// XenHvmSetAttr takes.
//
// ioctl: KVM_XEN_HVM_GET_ATTR (vm) · cap: KVM_CAP_XEN_HVM · arch: x86 · since: Linux 5.12 · doc: virt/kvm/api.rst "KVM_XEN_HVM_GET_ATTR"
func (vm *VM) XenHvmAttr(kind uint16) (XenHvmAttr, error) {
	raw := uapi.XenHvmAttr{Type: kind}
	if _, err := vm.decodeXenHvm(&raw); err != nil {
		return nil, err // before the kernel is asked
	}
	err := vmSet(vm, uapi.IoctlVMXenHvmGetAttr, &raw)
	if err != nil {
		return nil, vm.explainXen(err, uapi.XenHvmConfigSharedInfo, "5.12")
	}
	return vm.decodeXenHvm(&raw)
}

func (vm *VM) decodeXenHvm(raw *uapi.XenHvmAttr) (XenHvmAttr, error) {
	switch raw.Type {
	case uapi.XenAttrTypeLongMode:
		return XenLongMode(*raw.U.LongMode() != 0), nil
	case uapi.XenAttrTypeSharedInfo:
		return XenSharedInfo(raw.U.SharedInfo().GFN), nil
	case uapi.XenAttrTypeSharedInfoHVA:
		return XenSharedInfoHVA(findXenMemory(vm, xenSharedInfo{}, *raw.U.SharedInfo().HVA())), nil
	case uapi.XenAttrTypeUpcallVector:
		return XenUpcallVector(*raw.U.Vector()), nil
	case uapi.XenAttrTypeXenVersion:
		return XenVersion(*raw.U.XenVersion()), nil
	case uapi.XenAttrTypeRunstateUpdateFlag:
		return XenRunstateUpdateFlag(*raw.U.RunstateUpdateFlag() != 0), nil
	default:
		return nil, invalid("%v: type %d is not an attribute of a VM that can be read", uapi.IoctlVMXenHvmGetAttr, raw.Type)
	}
}
