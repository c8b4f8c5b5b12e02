//go:build !mips64le

package kvm

import (
	"linuxkvm/uapi"
)

// GSIRoutes is a table that says where each GSI of a VM leads. The zero value is
// empty; its methods add entries. A GSI may have one entry for a message, or one
// for each interrupt controller.
type GSIRoutes struct {
	entries []uapi.IRQRoutingEntry
}

// Len returns the number of entries.
func (r *GSIRoutes) Len() int { return len(r.entries) }

// IRQChip leads a GSI to a pin of an in-kernel interrupt controller. On amd64
// that is uapi.IRQChipPICMaster or IRQChipPICSlave with 8 pins each, or
// IRQChipIOAPIC with 24; elsewhere there is one, of number 0.
func (r *GSIRoutes) IRQChip(gsi, chip, pin uint32) {
	to := r.add(gsi, uapi.IRQRoutingTypeIRQChip).IRQChip()
	to.IRQChip, to.Pin = chip, pin
}

// MSI makes a GSI a message: data written to the address addr.
func (r *GSIRoutes) MSI(gsi uint32, addr uint64, data uint32) {
	to := r.add(gsi, uapi.IRQRoutingTypeMSI).MSI()
	to.AddressLo, to.AddressHi, to.Data = uint32(addr), uint32(addr>>32), data
}

// MSIDevice is MSI from the device with the given id, for interrupt controllers
// that tell devices apart (KVM_CAP_MSI_DEVID: arm64 with an ITS).
func (r *GSIRoutes) MSIDevice(gsi uint32, addr uint64, data, device uint32) {
	r.MSI(gsi, addr, data)
	e := &r.entries[len(r.entries)-1]
	e.Flags = uapi.MSIValidDevID
	e.U.MSI().DevID = device
}

func (r *GSIRoutes) add(gsi, kind uint32) *uapi.IRQRoutingEntryU {
	r.entries = append(r.entries, uapi.IRQRoutingEntry{GSI: gsi, Type: kind})
	return &r.entries[len(r.entries)-1].U
}

// SetGSIRouting replaces the VM's table of GSI routes by a copy of r. A VM that
// gets an interrupt controller gets a table with it; this one is instead of it.
//
// ioctl: KVM_SET_GSI_ROUTING (vm) · cap: KVM_CAP_IRQ_ROUTING · arch: all but mips · since: Linux 2.6.30 · doc: virt/kvm/api.rst "KVM_SET_GSI_ROUTING"
func (vm *VM) SetGSIRouting(r *GSIRoutes) error {
	if r == nil {
		return invalid("%v: nil routes", uapi.IoctlVMSetGSIRouting)
	}
	if len(r.entries) > maxElements {
		return invalid("%v: %d routes", uapi.IoctlVMSetGSIRouting, len(r.entries))
	}
	b := uapi.NewIRQRoutingBuffer(len(r.entries))
	copy(b.Entries(), r.entries)
	_, err := ioctlBuffer(vm.c().fd, uapi.IoctlVMSetGSIRouting, b.Pointer())
	return explain(err, vm, uapi.CapIRQRouting, "2.6.30")
}
