package kvm

import "linuxkvm/uapi"

// HVSint leads a GSI to a synthetic interrupt source of a Hyper-V guest's vCPU.
func (r *GSIRoutes) HVSint(gsi, vcpu, sint uint32) {
	to := r.add(gsi, uapi.IRQRoutingTypeHVSint).HVSint()
	to.VCPU, to.Sint = vcpu, sint
}

// XenEvtchn leads a GSI to an event channel of a Xen guest's vCPU. The priority
// is uapi.IRQRoutingXenEvtchnPrio2Level for the classic ABI of 2 levels.
func (r *GSIRoutes) XenEvtchn(gsi, port, vcpu, priority uint32) {
	to := r.add(gsi, uapi.IRQRoutingTypeXenEvtchn).XenEvtchn()
	to.Port, to.VCPU, to.Priority = port, vcpu, priority
}

// Default adds the table that CreateIRQChip makes: GSIs 0 to 15 lead to the PICs
// and the I/O APIC, 16 to 23 to the I/O APIC, with equal numbers throughout.
func (r *GSIRoutes) Default() {
	for gsi := range uint32(uapi.IOAPICNumPins) {
		if gsi < 16 {
			r.IRQChip(gsi, uapi.IRQChipPICMaster+gsi/8, gsi%8)
		}
		r.IRQChip(gsi, uapi.IRQChipIOAPIC, gsi)
	}
}
