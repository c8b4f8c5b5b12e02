package kvm

import "linuxkvm/uapi"

// Registers in struct kvm_run: KVM copies them there at every exit and takes them
// from there at the next entry, which spares the calls that get and set them.
// The accessors issue no ioctl and allocate nothing. Like the accessors of an
// exit they are for the goroutine that runs the vCPU, between Runs.

// EnableSyncRegs says which registers KVM shows in struct kvm_run from now on, and
// puts them there: uapi.SyncX86Regs for SyncRegs, SyncX86Sregs for SyncSregs,
// SyncX86Events for SyncVCPUEvents. Each costs something at every exit. 0 ends
// that. What the host knows of them is what CheckExtension says of
// uapi.CapSyncRegs.
//
// api: kvm_valid_regs in struct kvm_run · cap: KVM_CAP_SYNC_REGS · arch: x86 · since: Linux 4.17 · doc: virt/kvm/api.rst "KVM_CAP_SYNC_REGS"
func (v *VCPU) EnableSyncRegs(fields uint64) error {
	c := v.c()
	if _, ok := c.fd.Acquire(); !ok {
		return opError(opName("kvm_valid_regs"), ErrClosed)
	}
	defer c.fd.Release()
	known, err := v.vm.CheckExtension(uapi.CapSyncRegs)
	switch {
	case err != nil:
		return err
	case fields != 0 && known == 0:
		return &UnsupportedError{Cap: uapi.CapSyncRegs, MinKernel: "4.17"}
	case fields&^uint64(known) != 0:
		return invalid("kvm_valid_regs: fields %#x, this host has %#x", fields, known)
	}
	return v.fillSyncRegs(fields)
}

// fillSyncRegs puts there what KVM would have at the last exit, so that the
// accessors never show what is older.
func (v *VCPU) fillSyncRegs(fields uint64) (err error) {
	page := v.c().page
	page.KVMValidRegs = 0
	page.KVMDirtyRegs = 0
	all := page.S.Regs()
	if fields&uapi.SyncX86Regs != 0 {
		all.Regs, err = v.Regs()
	}
	if err == nil && fields&uapi.SyncX86Sregs != 0 {
		all.Sregs, err = v.Sregs()
	}
	if err == nil && fields&uapi.SyncX86Events != 0 {
		all.Events, err = v.VCPUEvents()
	}
	if err == nil {
		page.KVMValidRegs = fields
	}
	return err
}

// SyncRegs is [VCPU.Regs] as of the last exit, for a vCPU with EnableSyncRegs.
//
// api: s.regs.regs in struct kvm_run · cap: KVM_CAP_SYNC_REGS · arch: x86 · since: Linux 4.17 · doc: virt/kvm/api.rst "KVM_CAP_SYNC_REGS"
func (v *VCPU) SyncRegs() (regs uapi.Regs, err error) {
	page, err := v.syncPage(uapi.SyncX86Regs)
	if err != nil {
		return regs, err
	}
	defer v.c().fd.Release()
	return page.S.Regs().Regs, nil
}

// SetSyncRegs is [VCPU.SetRegs] as part of the next Run. Whatever else asks for
// the registers before that sees the old ones.
//
// api: s.regs.regs in struct kvm_run · cap: KVM_CAP_SYNC_REGS · arch: x86 · since: Linux 4.17 · doc: virt/kvm/api.rst "KVM_CAP_SYNC_REGS"
func (v *VCPU) SetSyncRegs(regs *uapi.Regs) error {
	if regs == nil {
		return invalid("kvm_dirty_regs: nil registers")
	}
	page, err := v.syncPage(uapi.SyncX86Regs)
	if err != nil {
		return err
	}
	defer v.c().fd.Release()
	page.S.Regs().Regs = *regs
	page.KVMDirtyRegs |= uapi.SyncX86Regs
	return nil
}

// SyncSregs is [VCPU.Sregs] as of the last exit, for a vCPU with EnableSyncRegs.
//
// api: s.regs.sregs in struct kvm_run · cap: KVM_CAP_SYNC_REGS · arch: x86 · since: Linux 4.17 · doc: virt/kvm/api.rst "KVM_CAP_SYNC_REGS"
func (v *VCPU) SyncSregs() (sregs uapi.Sregs, err error) {
	page, err := v.syncPage(uapi.SyncX86Sregs)
	if err != nil {
		return sregs, err
	}
	defer v.c().fd.Release()
	return page.S.Regs().Sregs, nil
}

// SetSyncSregs is [VCPU.SetSregs] as part of the next Run, which fails with EINVAL
// for registers that SetSregs refuses.
//
// api: s.regs.sregs in struct kvm_run · cap: KVM_CAP_SYNC_REGS · arch: x86 · since: Linux 4.17 · doc: virt/kvm/api.rst "KVM_CAP_SYNC_REGS"
func (v *VCPU) SetSyncSregs(sregs *uapi.Sregs) error {
	if sregs == nil {
		return invalid("kvm_dirty_regs: nil registers")
	}
	page, err := v.syncPage(uapi.SyncX86Sregs)
	if err != nil {
		return err
	}
	defer v.c().fd.Release()
	page.S.Regs().Sregs = *sregs
	page.KVMDirtyRegs |= uapi.SyncX86Sregs
	return nil
}

// SyncVCPUEvents is [VCPU.VCPUEvents] as of the last exit, for a vCPU with
// EnableSyncRegs.
//
// api: s.regs.events in struct kvm_run · cap: KVM_CAP_SYNC_REGS · arch: x86 · since: Linux 4.17 · doc: virt/kvm/api.rst "KVM_CAP_SYNC_REGS"
func (v *VCPU) SyncVCPUEvents() (events uapi.VCPUEvents, err error) {
	page, err := v.syncPage(uapi.SyncX86Events)
	if err != nil {
		return events, err
	}
	defer v.c().fd.Release()
	return page.S.Regs().Events, nil
}

// SetSyncVCPUEvents is [VCPU.SetVCPUEvents] as part of the next Run, which fails
// with EINVAL for events that SetVCPUEvents refuses.
//
// api: s.regs.events in struct kvm_run · cap: KVM_CAP_SYNC_REGS · arch: x86 · since: Linux 4.17 · doc: virt/kvm/api.rst "KVM_CAP_SYNC_REGS"
func (v *VCPU) SetSyncVCPUEvents(events *uapi.VCPUEvents) error {
	if events == nil {
		return invalid("kvm_dirty_regs: nil events")
	}
	page, err := v.syncPage(uapi.SyncX86Events)
	if err != nil {
		return err
	}
	defer v.c().fd.Release()
	page.S.Regs().Events = *events
	page.KVMDirtyRegs |= uapi.SyncX86Events
	return nil
}

// syncPage enters the vCPU, which the caller then leaves, when KVM shows the
// field.
func (v *VCPU) syncPage(field uint64) (*uapi.Run, error) {
	c := v.c()
	if _, ok := c.fd.Acquire(); !ok {
		return nil, ErrClosed
	}
	if c.page.KVMValidRegs&field == 0 {
		c.fd.Release()
		return nil, errSyncField
	}
	return c.page, nil
}

var errSyncField = invalid("registers in struct kvm_run that EnableSyncRegs did not ask for")
