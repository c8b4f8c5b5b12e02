package kvm

import (
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// XenHvmConfig says how a guest that believes to run on Xen makes hypercalls.
type XenHvmConfig struct {
	// Flags are uapi.XenHvmConfigInterceptHcall, to have KVM write the hypercall
	// page and turn hypercalls into exits (Exit.Xen), XenHvmConfigEvtchnSend, and
	// XenHvmConfigPvclockTSCUnstable; those of them that the value of
	// KVM_CAP_XEN_HVM has.
	Flags uint32
	// MSR is the register that the guest writes the address of its hypercall page
	// to, from uapi.XenMSRMinIndex to XenMSRMaxIndex, or 0 for none.
	MSR uint32
	// Blob32 and Blob64 are the hypercall pages to choose from, 255 at most, for a
	// guest in 32-bit and in 64-bit mode; without XenHvmConfigInterceptHcall only.
	Blob32, Blob64 MemoryRange
}

// xenBlobs is the key of the hypercall pages among what a VM holds.
type xenBlobs struct{}

// XenHvmConfig sets how the guest makes Xen hypercalls. The VM keeps the blobs
// mapped until other ones are set, or until it and its vCPUs are closed.
//
// ioctl: KVM_XEN_HVM_CONFIG (vm) · cap: KVM_CAP_XEN_HVM · arch: x86 · since: Linux 2.6.33 · doc: virt/kvm/api.rst "KVM_XEN_HVM_CONFIG"
func (vm *VM) XenHvmConfig(c *XenHvmConfig) error {
	if c == nil {
		return invalid("%v: nil config", uapi.IoctlVMXenHvmConfig)
	}
	if c.MSR != 0 && (c.MSR < uapi.XenMSRMinIndex || c.MSR > uapi.XenMSRMaxIndex) {
		return invalid("%v: MSR %#x, want 0 or %#x to %#x", uapi.IoctlVMXenHvmConfig, c.MSR, uint32(uapi.XenMSRMinIndex), uint32(uapi.XenMSRMaxIndex))
	}
	arg := uapi.XenHvmConfig{Flags: c.Flags, MSR: c.MSR}
	pin32, err := pinBlob(c.Blob32, &arg.BlobAddr32, &arg.BlobSize32)
	if err != nil {
		return err
	}
	pin64, err := pinBlob(c.Blob64, &arg.BlobAddr64, &arg.BlobSize64)
	if err != nil {
		pin32.Release()
		return err
	}
	blobs := holding{release: func() { pin32.Release(); pin64.Release() }}
	err = vm.replaceHeld(uapi.IoctlVMXenHvmConfig, xenBlobs{}, blobs, false, func() error {
		return vmSet(vm, uapi.IoctlVMXenHvmConfig, &arg)
	})
	return explain(err, vm, uapi.CapXenHvm, "2.6.33")
}

// blobPin is a pin, or nothing for a blob that there is not.
type blobPin struct{ *memory.Pin }

func (p blobPin) Release() {
	if p.Pin != nil {
		p.Pin.Release()
	}
}

func pinBlob(blob MemoryRange, addr *uint64, pages *uint8) (blobPin, error) {
	if blob == (MemoryRange{}) {
		return blobPin{}, nil
	}
	at, pin, err := blob.pin(uapi.IoctlVMXenHvmConfig, pageSize())
	if err != nil {
		return blobPin{}, err
	}
	const most = 255
	n := blob.Size / pageSize()
	if n > most {
		pin.Release()
		return blobPin{}, invalid("%v: a blob of %d pages, want at most %d", uapi.IoctlVMXenHvmConfig, n, most)
	}
	*addr, *pages = at, uint8(n)
	return blobPin{pin}, nil
}

// replaceHeld is holdings.replace for a VM that may be closed.
func (vm *VM) replaceHeld(op uapi.VMIoctl, key any, h holding, halfway bool, call func() error) error {
	c := vm.c()
	if _, ok := c.fd.Acquire(); !ok {
		h.free()
		return opError(op, ErrClosed)
	}
	defer c.fd.Release()
	return c.held.replace(key, h, halfway, call)
}

// XenHvmEvtchnSend delivers an event on an event channel to the vCPU with the id
// vcpu. The priority is uapi.IRQRoutingXenEvtchnPrio2Level.
//
// ioctl: KVM_XEN_HVM_EVTCHN_SEND (vm) · cap: KVM_CAP_XEN_HVM · arch: x86 · since: Linux 5.19 · doc: virt/kvm/api.rst "KVM_XEN_HVM_EVTCHN_SEND"
func (vm *VM) XenHvmEvtchnSend(port, vcpu, priority uint32) error {
	err := vmSet(vm, uapi.IoctlVMXenHvmEvtchnSend, &uapi.IRQRoutingXenEvtchn{Port: port, VCPU: vcpu, Priority: priority})
	return vm.explainXen(err, uapi.XenHvmConfigEvtchnSend, "5.19")
}

// explainXen is explain for what is a flag in the value of KVM_CAP_XEN_HVM.
func (vm *VM) explainXen(err error, flag int, minKernel string) error {
	return explain(err, xenFlag{vm, flag}, uapi.CapXenHvm, minKernel)
}

func (vm *VM) requireXen(flag int, minKernel string) error {
	n, err := xenFlag{vm, flag}.CheckExtension(uapi.CapXenHvm)
	if err == nil && n == 0 {
		err = &UnsupportedError{Cap: uapi.CapXenHvm, MinKernel: minKernel}
	}
	return err
}

// xenFlag asks for one flag of a capability's value.
type xenFlag struct {
	vm   *VM
	flag int
}

func (x xenFlag) CheckExtension(c uapi.Cap) (int, error) {
	n, err := x.vm.CheckExtension(c)
	return n & x.flag, err
}
