package kvm

import (
	"bytes"
	"math"
	"syscall"
	"testing"

	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// newXenGuest is a VM with 64 KiB of memory and a vCPU, for a KVM with Xen's
// interface. It returns what that has.
func newXenGuest(t *testing.T, code ...byte) (vm *VM, v *VCPU, r *memory.Region, flags int) {
	t.Helper()
	vm, v, r = newGuest(t, code...)
	// It is Linux 2.6.33's, but a matter of configuration: of the rig's kernels the
	// newest has it.
	needCap(t, vm, uapi.CapXenHvm, "7.2")
	flags, err := vm.CheckExtension(uapi.CapXenHvm)
	must(t, err)
	return vm, v, r, flags
}

func newTestRegion(t *testing.T, size int) *memory.Region {
	t.Helper()
	r, err := memory.New(size)
	must(t, err)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("closing a region at the end: %v", err)
		}
	})
	return r
}

func TestXenUnsupported(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	if n, err := vm.CheckExtension(uapi.CapXenHvm); err != nil || n != 0 {
		t.Skip("is about a KVM without Xen's interface, and this host's has it")
	}
	r := newTestRegion(t, 0x1000)
	_, hvm := vm.XenHvmAttr(uapi.XenAttrTypeLongMode)
	_, vcpu := v.XenVCPUAttr(uapi.XenVCPUAttrTypeTimer)
	for name, err := range map[string]error{
		"config":          vm.XenHvmConfig(&XenHvmConfig{Blob32: MemoryRange{Region: r}}),
		"event":           vm.XenHvmEvtchnSend(1, 0, uapi.IRQRoutingXenEvtchnPrio2Level),
		"get of VM":       hvm,
		"set of VM":       vm.XenHvmSetAttr(XenLongMode(true)),
		"page of VM":      vm.XenHvmSetAttr(XenSharedInfo(1)),
		"memory of VM":    vm.XenHvmSetAttr(XenSharedInfoHVA{Region: r}),
		"channel":         vm.XenHvmSetAttr(XenEvtchn{SendPort: 1, EventFD: newTestEventFD(t)}),
		"get of vCPU":     vcpu,
		"set of vCPU":     v.XenVCPUSetAttr(XenVCPUID(1)),
		"address of vCPU": v.XenVCPUSetAttr(XenVCPUInfo(0x1000)),
		"memory of vCPU":  v.XenVCPUSetAttr(XenVCPUInfoHVA{Region: r}),
	} {
		t.Run(name, func(t *testing.T) { wantError(t, err, ErrNotSupported, "KVM_CAP_XEN_HVM") })
	}
	// Nothing of that keeps the region: newTestRegion looks.
}

func TestXenWrong(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	r := newTestRegion(t, 0x2000)
	longMode, id := XenLongMode(true), XenVCPUID(1)
	_, evtchn := vm.XenHvmAttr(uapi.XenAttrTypeEvtchn)
	_, huge := vm.XenHvmAttr(math.MaxUint16)
	_, adjust := v.XenVCPUAttr(uapi.XenVCPUAttrTypeRunstateAdjust)
	_, hugeVCPU := v.XenVCPUAttr(math.MaxUint16)
	for name, err := range map[string]error{
		"config nil":          vm.XenHvmConfig(nil),
		"config MSR":          vm.XenHvmConfig(&XenHvmConfig{MSR: 0x10}),
		"config MSR huge":     vm.XenHvmConfig(&XenHvmConfig{MSR: math.MaxUint32}),
		"config blob":         vm.XenHvmConfig(&XenHvmConfig{Blob32: MemoryRange{Region: r}, Blob64: MemoryRange{Region: r, Offset: 8}}),
		"set nil":             vm.XenHvmSetAttr(nil),
		"set a pointer":       vm.XenHvmSetAttr(&longMode),
		"set a nil pointer":   vm.XenHvmSetAttr((*XenLongMode)(nil)),
		"memory misaligned":   vm.XenHvmSetAttr(XenSharedInfoHVA{Region: r, Offset: 8}),
		"memory outside":      vm.XenHvmSetAttr(XenSharedInfoHVA{Region: r, Offset: 0x2000}),
		"memory wraps":        vm.XenHvmSetAttr(XenSharedInfoHVA{Region: r, Offset: math.MaxUint64 - 0xfff}),
		"memory of nothing":   vm.XenHvmSetAttr(XenSharedInfoHVA{Offset: 0x1000}),
		"channel to both":     vm.XenHvmSetAttr(XenEvtchn{To: XenEvtchnPort{Port: 1}, EventFD: newTestEventFD(t)}),
		"channel to zero":     vm.XenHvmSetAttr(XenEvtchn{EventFD: &EventFD{}}),
		"get of a channel":    evtchn,
		"get huge":            huge,
		"vCPU set nil":        v.XenVCPUSetAttr(nil),
		"vCPU set a pointer":  v.XenVCPUSetAttr(&id),
		"vCPU crosses a page": v.XenVCPUSetAttr(XenVCPUInfoHVA{Region: r, Offset: 0x1000 - 32}),
		"vCPU misaligned":     v.XenVCPUSetAttr(XenVCPUInfoHVA{Region: r, Offset: 4}),
		"vCPU outside":        v.XenVCPUSetAttr(XenVCPUInfoHVA{Region: r, Offset: 0x2000}),
		"vCPU get adjust":     adjust,
		"vCPU get huge":       hugeVCPU,
	} {
		t.Run(name, func(t *testing.T) { wantError(t, err, ErrInvalid) })
	}
}

func TestXenClosed(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	r := newTestRegion(t, 0x1000)
	must(t, v.Close())
	must(t, vm.Close())
	_, hvm := vm.XenHvmAttr(uapi.XenAttrTypeLongMode)
	_, vcpu := v.XenVCPUAttr(uapi.XenVCPUAttrTypeTimer)
	for name, err := range map[string]error{
		"config": vm.XenHvmConfig(&XenHvmConfig{Blob64: MemoryRange{Region: r}}),
		"event":  vm.XenHvmEvtchnSend(1, 0, 0), "get": hvm, "get of vCPU": vcpu,
		"set": vm.XenHvmSetAttr(XenLongMode(true)), "page": vm.XenHvmSetAttr(XenSharedInfo(1)),
		"memory": vm.XenHvmSetAttr(XenSharedInfoHVA{Region: r}), "channel": vm.XenHvmSetAttr(XenEvtchn{}),
		"set of vCPU": v.XenVCPUSetAttr(XenVCPUID(1)), "memory of vCPU": v.XenVCPUSetAttr(XenVCPUInfoHVA{Region: r}),
	} {
		t.Run(name, func(t *testing.T) { wantError(t, err, ErrClosed) })
	}
}

func TestXenHvmConfig(t *testing.T) {
	vm, _, _, flags := newXenGuest(t, 0xf4)
	r := newTestRegion(t, 0x100000)
	t.Cleanup(func() { vm.Close() }) // before the region
	blob := MemoryRange{Region: r, Offset: 0x1000, Size: 0x2000}
	must(t, vm.XenHvmConfig(&XenHvmConfig{MSR: uapi.XenMSRMinIndex + 0x200, Blob32: blob, Blob64: blob}))
	wantError(t, r.Close(), ErrInUse)
	if flags&uapi.XenHvmConfigInterceptHcall != 0 {
		// KVM makes the page itself then.
		wantError(t, vm.XenHvmConfig(&XenHvmConfig{Flags: uapi.XenHvmConfigInterceptHcall, Blob32: blob}), syscall.EINVAL)
	}
	wantError(t, vm.XenHvmConfig(&XenHvmConfig{Flags: 1 << 31}), syscall.EINVAL)
	wantError(t, vm.XenHvmConfig(&XenHvmConfig{Blob32: MemoryRange{Region: r, Offset: 8, Size: 0x1000}}), ErrInvalid)
	wantError(t, vm.XenHvmConfig(&XenHvmConfig{Blob64: MemoryRange{Region: r}}), ErrInvalid, "256 pages")
	must(t, vm.XenHvmConfig(&XenHvmConfig{}))
	must(t, r.Close()) // nothing holds it any more
}

func TestXenHypercall(t *testing.T) {
	vm, v, _, flags := newXenGuest(t,
		0x0f, 0x01, 0xd9, // vmmcall
		0xe7, 0x10, //       out 0x10, ax
	)
	needProcessor(t)
	if flags&uapi.XenHvmConfigInterceptHcall == 0 {
		t.Skip("needs KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL: Linux 5.12 or newer with CONFIG_KVM_XEN")
	}
	must(t, vm.XenHvmConfig(&XenHvmConfig{MSR: uapi.XenMSRMinIndex, Flags: uapi.XenHvmConfigInterceptHcall}))
	must(t, v.ModifyRegs(func(r *uapi.Regs) { r.RAX = 17 }))
	x := runUntil(t, v, uapi.ExitXen).Xen()
	if x.Type != uapi.ExitXenHcall || x.Input != 17 || x.LongMode {
		t.Errorf("exit %+v", x)
	}
	x.SetResult(0x55)
	wantOut(t, v, 0x55)
}

func TestXenHvmAttrs(t *testing.T) {
	vm, _, _, flags := newXenGuest(t, 0xf4)
	need := func(flag int, set XenHvmAttr, kind uint16) {
		t.Helper()
		if flags&flag == 0 {
			return
		}
		must(t, vm.XenHvmSetAttr(set))
		if got, err := vm.XenHvmAttr(kind); err != nil || got != set {
			t.Errorf("attribute %d is %v, %v; want %v", kind, got, err, set)
		}
	}
	need(uapi.XenHvmConfigSharedInfo, XenLongMode(true), uapi.XenAttrTypeLongMode)
	need(uapi.XenHvmConfigSharedInfo, XenSharedInfo(5), uapi.XenAttrTypeSharedInfo)
	need(uapi.XenHvmConfigSharedInfo, XenSharedInfo(uapi.XenInvalidGFN), uapi.XenAttrTypeSharedInfo)
	need(uapi.XenHvmConfigSharedInfo, XenUpcallVector(0x20), uapi.XenAttrTypeUpcallVector)
	need(uapi.XenHvmConfigEvtchnSend, XenVersion(4<<16|17), uapi.XenAttrTypeXenVersion)
	need(uapi.XenHvmConfigRunstateUpdateFlag, XenRunstateUpdateFlag(true), uapi.XenAttrTypeRunstateUpdateFlag)
	wantError(t, vm.XenHvmSetAttr(XenUpcallVector(3)), syscall.EINVAL)
}

func TestXenSharedInfoHVA(t *testing.T) {
	vm, v, _, flags := newXenGuest(t, 0xf4)
	if flags&uapi.XenHvmConfigSharedInfoHVA == 0 {
		t.Skip("needs KVM_XEN_HVM_CONFIG_SHARED_INFO_HVA: Linux 6.9 or newer with CONFIG_KVM_XEN")
	}
	r := newTestRegion(t, 0x4000)
	t.Cleanup(func() { v.Close(); vm.Close() }) // before the region
	page := XenSharedInfoHVA{Region: r, Offset: 0x1000}
	must(t, vm.XenHvmSetAttr(page))
	if got, err := vm.XenHvmAttr(uapi.XenAttrTypeSharedInfoHVA); err != nil || got != page {
		t.Errorf("shared_info is %v, %v; want %v", got, err, page)
	}
	info := XenVCPUInfoHVA{Region: r, Offset: 0x1040}
	must(t, v.XenVCPUSetAttr(info))
	if got, err := v.XenVCPUAttr(uapi.XenVCPUAttrTypeVCPUInfoHVA); err != nil || got != info {
		t.Errorf("vcpu_info is %v, %v; want %v", got, err, info)
	}
	must(t, vm.XenHvmSetAttr(XenSharedInfoHVA{}))
	wantError(t, r.Close(), ErrInUse) // the vCPU's is there still
	must(t, v.XenVCPUSetAttr(XenVCPUInfoHVA{}))
	must(t, r.Close())
}

// A place is found again by what KVM says of it: its address or that of its page.
func TestFindXenMemory(t *testing.T) {
	vm := newTestVM(t)
	r := newTestRegion(t, 0x4000)
	t.Cleanup(func() { vm.Close() }) // before the region
	place := XenMemory{Region: r, Offset: 0x1040}
	hva, h, err := place.hold(opName("op"), 64, 8)
	must(t, err)
	must(t, vm.replaceHeld(uapi.IoctlVMXenHvmSetAttr, xenVCPUInfo{3}, h, true, func() error { return nil }))
	for at, want := range map[uint64]XenMemory{hva: place, hva - 0x40: place, hva - 8: {}, hva + 0x1000: {}, 0: {}} {
		if got := findXenMemory(vm, xenVCPUInfo{3}, at); got != want {
			t.Errorf("at %#x is %v, want %v", at, got, want)
		}
	}
	if got := findXenMemory(vm, xenVCPUInfo{4}, hva); got != (XenMemory{}) {
		t.Errorf("another vCPU has %v", got)
	}
	wantError(t, r.Close(), ErrInUse)
}

func TestXenVCPUAttrs(t *testing.T) {
	_, v, _, flags := newXenGuest(t, 0xf4)
	need := func(flag int, set XenVCPUAttr, kind uint16) {
		t.Helper()
		if flags&flag == 0 {
			return
		}
		must(t, v.XenVCPUSetAttr(set))
		if got, err := v.XenVCPUAttr(kind); err != nil || got != set {
			t.Errorf("attribute %d is %v, %v; want %v", kind, got, err, set)
		}
	}
	need(uapi.XenHvmConfigSharedInfo, XenVCPUInfo(0x2000), uapi.XenVCPUAttrTypeVCPUInfo)
	need(uapi.XenHvmConfigSharedInfo, XenVCPUInfo(uapi.XenInvalidGPA), uapi.XenVCPUAttrTypeVCPUInfo)
	need(uapi.XenHvmConfigSharedInfo, XenVCPUTimeInfo(0x3000), uapi.XenVCPUAttrTypeVCPUTimeInfo)
	need(uapi.XenHvmConfigRunstate, XenRunstateAddr(0x4000), uapi.XenVCPUAttrTypeRunstateAddr)
	need(uapi.XenHvmConfigRunstate, XenRunstateCurrent(XenRunstateBlocked), uapi.XenVCPUAttrTypeRunstateCurrent)
	need(uapi.XenHvmConfigEvtchnSend, XenVCPUID(3), uapi.XenVCPUAttrTypeVCPUID)
	need(uapi.XenHvmConfigEvtchnSend, XenTimer{Port: 4, Priority: uapi.IRQRoutingXenEvtchnPrio2Level}, uapi.XenVCPUAttrTypeTimer)
	need(uapi.XenHvmConfigEvtchnSend, XenVCPUUpcallVector(0x30), uapi.XenVCPUAttrTypeUpcallVector)
	if flags&uapi.XenHvmConfigRunstate != 0 {
		wantError(t, v.XenVCPUSetAttr(XenRunstateData{StateEntryTime: 5, TimeRunning: 4}), syscall.EINVAL)
		must(t, v.XenVCPUSetAttr(XenRunstateAdjust{State: XenRunstateKeep}))
	}
}

func TestXenEvtchn(t *testing.T) {
	vm, v, r, flags := newXenGuest(t, 0xf4)
	if flags&uapi.XenHvmConfigEvtchnSend == 0 {
		t.Skip("needs KVM_XEN_HVM_CONFIG_EVTCHN_SEND: Linux 5.19 or newer with CONFIG_KVM_XEN")
	}
	const prio, page = uapi.IRQRoutingXenEvtchnPrio2Level, 0x5000
	must(t, vm.XenHvmSetAttr(XenLongMode(true)))
	must(t, vm.XenHvmSetAttr(XenSharedInfo(page/0x1000)))
	must(t, v.XenVCPUSetAttr(XenVCPUInfo(page)))
	must(t, vm.XenHvmEvtchnSend(9, 0, prio))
	// The pending bits follow the 32 vcpu_info.
	var pending [2]byte
	_, err := r.ReadAt(pending[:], page+32*64)
	must(t, err)
	if pending != [2]byte{0, 2} {
		t.Errorf("pending events %v, want the bit of port 9", pending)
	}
	wantError(t, vm.XenHvmEvtchnSend(0, 0, prio), syscall.EINVAL)
	wantError(t, vm.XenHvmEvtchnSend(9, 0, 1), syscall.EINVAL)

	must(t, vm.XenHvmSetAttr(XenEvtchn{SendPort: 3, Type: XenEvtchnInterdomain, EventFD: newTestEventFD(t)}))
	wantError(t, vm.XenHvmSetAttr(XenEvtchn{SendPort: 3, Type: XenEvtchnInterdomain, EventFD: newTestEventFD(t)}), syscall.EEXIST)
	must(t, vm.XenHvmSetAttr(XenEvtchn{SendPort: 4, Type: XenEvtchnIPI, To: XenEvtchnPort{Port: 4, Priority: prio}}))
	wantError(t, vm.XenHvmSetAttr(XenEvtchn{SendPort: 5, Type: XenEvtchnInterdomain}), syscall.EBADF)
	must(t, vm.XenHvmSetAttr(XenEvtchn{SendPort: 3, Flags: uapi.XenEvtchnDeassign}))
	must(t, vm.XenHvmSetAttr(XenEvtchn{Flags: uapi.XenEvtchnReset}))
	wantError(t, vm.XenHvmSetAttr(XenEvtchn{SendPort: 4, Flags: uapi.XenEvtchnDeassign}), syscall.ENOENT)
}

// Every attribute, encoded as in the kernel's header and decoded again.
func TestXenEncoding(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	for _, c := range []struct {
		attr XenHvmAttr
		want []byte // after type and padding
	}{
		{XenLongMode(true), []byte{1}},
		{XenLongMode(false), []byte{0}},
		{XenSharedInfo(0x1122334455667788), []byte{0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}},
		{XenUpcallVector(0xab), []byte{0xab}},
		{XenVersion(0x00040011), []byte{0x11, 0, 4, 0}},
		{XenRunstateUpdateFlag(true), []byte{1}},
	} {
		raw, err := encodeXenHvm(c.attr)
		must(t, err)
		checkXenBytes(t, c.attr, structBytes(&raw), raw.Type, c.want)
		if got, err := vm.decodeXenHvm(&raw); err != nil || got != c.attr {
			t.Errorf("%T: decoded %v, %v; want %v", c.attr, got, err, c.attr)
		}
	}
	data := XenRunstateData{State: 1, StateEntryTime: 10, TimeRunning: 1, TimeRunnable: 2, TimeBlocked: 3, TimeOffline: 4}
	dataBytes := structBytes(&[6]uint64{1, 10, 1, 2, 3, 4})
	for _, c := range []struct {
		attr XenVCPUAttr
		want []byte
	}{
		{XenVCPUInfo(0x102), []byte{2, 1}},
		{XenVCPUTimeInfo(0x203), []byte{3, 2}},
		{XenRunstateAddr(0x304), []byte{4, 3}},
		{XenRunstateCurrent(XenRunstateOffline), []byte{3}},
		{data, dataBytes},
		{XenRunstateAdjust(data), dataBytes},
		{XenVCPUID(0x405), []byte{5, 4}},
		{XenTimer{Port: 1, Priority: 2, ExpiresNs: 3}, []byte{1, 0, 0, 0, 2, 0, 0, 0, 3}},
		{XenVCPUUpcallVector(0x30), []byte{0x30}},
	} {
		raw, err := encodeXenVCPU(c.attr)
		must(t, err)
		checkXenBytes(t, c.attr, structBytes(&raw), raw.Type, c.want)
		if _, ok := c.attr.(XenRunstateAdjust); ok {
			continue // is not read
		}
		if got, err := v.decodeXenVCPU(&raw); err != nil || got != c.attr {
			t.Errorf("%T: decoded %v, %v; want %v", c.attr, got, err, c.attr)
		}
	}
}

func TestXenEvtchnEncoding(t *testing.T) {
	for name, c := range map[string]struct {
		attr XenEvtchn
		want [7]uint32
	}{
		"port":       {XenEvtchn{SendPort: 1, Type: XenEvtchnIPI, To: XenEvtchnPort{2, 3, 4}}, [7]uint32{1, 5, 0, 2, 3, 4, 0}},
		"update":     {XenEvtchn{SendPort: 1, Type: XenEvtchnIPI, Flags: 2, To: XenEvtchnPort{2, 3, 4}}, [7]uint32{1, 5, 2, 2, 3, 4, 0}},
		"eventfd":    {XenEvtchn{SendPort: 1, Type: XenEvtchnInterdomain, EventFD: &EventFD{}}, [7]uint32{1, 2, 0, 0, 77, 0, 0}},
		"no eventfd": {XenEvtchn{SendPort: 1, Type: XenEvtchnInterdomain}, [7]uint32{1, 2, 0, 0, math.MaxUint32, 0, 0}},
		"reset":      {XenEvtchn{Flags: uapi.XenEvtchnReset}, [7]uint32{0, 0, 4, 0, 0, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			raw := encodeXenEvtchn(c.attr, 77)
			checkXenBytes(t, c.attr, structBytes(&raw), raw.Type, structBytes(&c.want))
		})
	}
}

func checkXenBytes(t *testing.T, attr any, raw []byte, kind uint16, union []byte) {
	t.Helper()
	want := make([]byte, 8+64)
	want[0] = byte(kind)
	copy(want[8:], union)
	if !bytes.Equal(raw, want) {
		t.Errorf("%T is encoded as\n%x, want\n%x", attr, raw, want)
	}
}
