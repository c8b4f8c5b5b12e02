package kvm

import "linuxkvm/uapi"

// The functions here make the interrupts that a vCPU or, for the floating ones,
// an interrupt controller can be given: one for each type, named after it.

// S390SIGPStop is the order to stop. flags are uapi.S390StopFlagStoreStatus or
// none. A vCPU takes one at a time: EBUSY.
func S390SIGPStop(flags uint32) uapi.S390IRQ {
	irq := uapi.S390IRQ{Type: uapi.S390SIGPStop}
	irq.U.Stop().Flags = flags
	return irq
}

// S390ProgramInt is a program interruption; info.Code is its number.
func S390ProgramInt(info uapi.S390PgmInfo) uapi.S390IRQ {
	irq := uapi.S390IRQ{Type: uapi.S390ProgramInt}
	*irq.U.Pgm() = info
	return irq
}

// S390SIGPSetPrefix is the order to move the prefix area to a guest-absolute
// address. The vCPU must be stopped: EBUSY.
func S390SIGPSetPrefix(address uint32) uapi.S390IRQ {
	irq := uapi.S390IRQ{Type: uapi.S390SIGPSetPrefix}
	irq.U.Prefix().Address = address
	return irq
}

// S390Restart is the restart interruption.
func S390Restart() uapi.S390IRQ { return uapi.S390IRQ{Type: uapi.S390Restart} }

// S390IntPfaultInit tells the guest that a page is missing; token names it.
func S390IntPfaultInit(token uint64) uapi.S390IRQ { return extIRQ(uapi.S390IntPfaultInit, 0, token) }

// S390IntPfaultDone tells the guest that the page of that token is there. It is a
// floating interrupt.
func S390IntPfaultDone(token uint64) uapi.S390IRQ { return extIRQ(uapi.S390IntPfaultDone, 0, token) }

// S390IntClockComp is the external interruption of the clock comparator.
func S390IntClockComp() uapi.S390IRQ { return uapi.S390IRQ{Type: uapi.S390IntClockComp} }

// S390IntCPUTimer is the external interruption of the CPU timer.
func S390IntCPUTimer() uapi.S390IRQ { return uapi.S390IRQ{Type: uapi.S390IntCPUTimer} }

// S390IntEmergency is an emergency signal from the CPU with that address.
func S390IntEmergency(cpu uint16) uapi.S390IRQ {
	irq := uapi.S390IRQ{Type: uapi.S390IntEmergency}
	irq.U.Emerg().Code = cpu
	return irq
}

// S390IntExternalCall is an external call from the CPU with that address. A vCPU
// takes one at a time: EBUSY.
func S390IntExternalCall(cpu uint16) uapi.S390IRQ {
	irq := uapi.S390IRQ{Type: uapi.S390IntExternalCall}
	irq.U.Extcall().Code = cpu
	return irq
}

// S390IntService is the external interruption of the service signal. It is a
// floating interrupt.
func S390IntService(parm uint32) uapi.S390IRQ { return extIRQ(uapi.S390IntService, parm, 0) }

// S390IntVirtio is the external interruption of the old virtio transport. It is a
// floating interrupt.
func S390IntVirtio(parm uint32, parm64 uint64) uapi.S390IRQ {
	return extIRQ(uapi.S390IntVirtio, parm, parm64)
}

// S390Mchk is a machine check. It can be a floating interrupt.
func S390Mchk(info uapi.S390MchkInfo) uapi.S390IRQ {
	irq := uapi.S390IRQ{Type: uapi.S390Mchk}
	*irq.U.Mchk() = info
	return irq
}

// S390IntIO is an I/O interruption, of an adapter or else of the subchannel that
// info names. It is a floating interrupt.
func S390IntIO(adapter bool, info uapi.S390IOInfo) uapi.S390IRQ {
	// The channel subsystem is the high byte of the id, the set bits 1 and 2.
	cssid, ssid := uint8(info.SubchannelID>>8), uint8(info.SubchannelID>>1)&3
	irq := uapi.S390IRQ{Type: uint64(S390IntIOType(adapter, cssid, ssid, info.SubchannelNr))}
	*irq.U.IO() = info
	return irq
}

// S390IntIOType is the type of an I/O interruption: KVM_S390_INT_IO in C. ssid is
// 0 to 3; its other bits are ignored.
func S390IntIOType(adapter bool, cssid, ssid uint8, subchannel uint16) uint32 {
	kind := uint32(subchannel) | uint32(ssid&3)<<16 | uint32(cssid)<<18
	if adapter {
		kind |= uapi.S390IntIOAiMask
	}
	return kind
}

func extIRQ(kind uint64, parm uint32, parm64 uint64) uapi.S390IRQ {
	irq := uapi.S390IRQ{Type: kind}
	irq.U.Ext().ExtParams, irq.U.Ext().ExtParams2 = parm, parm64
	return irq
}

// S390IRQ gives the vCPU an interrupt, which S390Restart and its likes make. It
// does not wait for the vCPU. Floating ones are for an interrupt controller (see
// uapi.DevTypeFLIC), with the exception of machine checks: EINVAL.
//
// ioctl: KVM_S390_IRQ (vcpu) · cap: KVM_CAP_S390_INJECT_IRQ · arch: s390 · since: Linux 4.1 · doc: virt/kvm/api.rst "KVM_S390_IRQ"
func (v *VCPU) S390IRQ(irq *uapi.S390IRQ) error {
	err := vcpuSet(v, uapi.IoctlVCPUS390IRQ, irq)
	return explain(err, v.vm, uapi.CapS390InjectIRQ, "4.1")
}

// S390Interrupt gives the vCPU an interrupt in the older form, which has no room
// for all of a program interruption or machine check. It does not wait for the
// vCPU.
//
// ioctl: KVM_S390_INTERRUPT (vcpu) · cap: basic · arch: s390 · since: Linux 2.6.26 · doc: virt/kvm/api.rst "KVM_S390_INTERRUPT"
func (v *VCPU) S390Interrupt(irq *uapi.S390Interrupt) error {
	return vcpuSet(v, uapi.IoctlVCPUS390Interrupt, irq)
}

// S390Interrupt gives the VM a floating interrupt, which the first vCPU takes that
// can: I/O (see S390IntIOType), service, virtio, or a machine check.
//
// ioctl: KVM_S390_INTERRUPT (vm) · cap: basic · arch: s390 · since: Linux 2.6.26 · doc: virt/kvm/api.rst "KVM_S390_INTERRUPT"
func (vm *VM) S390Interrupt(irq *uapi.S390Interrupt) error {
	return vmSet(vm, uapi.IoctlVMS390Interrupt, irq)
}
