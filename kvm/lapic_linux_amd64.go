package kvm

import (
	"encoding/binary"

	"linuxkvm/uapi"
)

// APICReg is the offset of a register in the local APIC's page.
type APICReg uint32

// Registers of the local APIC.
const (
	APICID            APICReg = 0x020 // id, in the high byte in xAPIC mode
	APICVersion       APICReg = 0x030
	APICTaskPri       APICReg = 0x080
	APICProcPri       APICReg = 0x0a0
	APICLogicalDest   APICReg = 0x0d0
	APICDestFormat    APICReg = 0x0e0
	APICSpurious      APICReg = 0x0f0 // spurious vector and the enable bit
	APICInService     APICReg = 0x100 // first of 8 registers, 0x10 apart
	APICTriggerMode   APICReg = 0x180 // first of 8
	APICRequest       APICReg = 0x200 // first of 8
	APICErrorStatus   APICReg = 0x280
	APICLVTCMCI       APICReg = 0x2f0
	APICCommandLow    APICReg = 0x300
	APICCommandHigh   APICReg = 0x310
	APICLVTTimer      APICReg = 0x320
	APICLVTThermal    APICReg = 0x330
	APICLVTPerf       APICReg = 0x340
	APICLVT0          APICReg = 0x350 // pin LINT0
	APICLVT1          APICReg = 0x360 // pin LINT1
	APICLVTError      APICReg = 0x370
	APICTimerInitial  APICReg = 0x380
	APICTimerCurrent  APICReg = 0x390
	APICTimerDivision APICReg = 0x3e0
)

// LAPIC is the state of a local APIC: the first kilobyte of its register page.
type LAPIC struct {
	uapi.LAPICState
}

// Reg returns the register at an offset, which is a multiple of 4 below 0x400;
// other offsets read as 0.
func (l *LAPIC) Reg(off APICReg) uint32 {
	if !off.valid() {
		return 0
	}
	return binary.LittleEndian.Uint32(l.Regs[off:])
}

// SetReg sets the register at an offset in the manner of Reg.
func (l *LAPIC) SetReg(off APICReg, value uint32) {
	if !off.valid() {
		return
	}
	binary.LittleEndian.PutUint32(l.Regs[off:], value)
}

func (off APICReg) valid() bool { return off%4 == 0 && off < uapi.APICRegSize }

// LAPIC returns the state of the vCPU's local APIC, which must be in the kernel
// (CreateIRQChip or EnableSplitIRQChip): EINVAL otherwise.
//
// ioctl: KVM_GET_LAPIC (vcpu) · cap: KVM_CAP_IRQCHIP · arch: x86 · since: Linux 2.6.24 · doc: virt/kvm/api.rst "KVM_GET_LAPIC"
func (v *VCPU) LAPIC() (LAPIC, error) {
	state, err := vcpuGet[uapi.LAPICState](v, uapi.IoctlVCPUGetLAPIC)
	return LAPIC{state}, explain(err, v.vm, uapi.CapIRQChip, "2.6.24")
}

// SetLAPIC replaces the state of the vCPU's local APIC.
//
// ioctl: KVM_SET_LAPIC (vcpu) · cap: KVM_CAP_IRQCHIP · arch: x86 · since: Linux 2.6.24 · doc: virt/kvm/api.rst "KVM_SET_LAPIC"
func (v *VCPU) SetLAPIC(l *LAPIC) error {
	if l == nil {
		return invalid("KVM_SET_LAPIC: nil LAPIC")
	}
	err := vcpuSet(v, uapi.IoctlVCPUSetLAPIC, &l.LAPICState)
	return explain(err, v.vm, uapi.CapIRQChip, "2.6.24")
}
