package kvm

import "linuxkvm/uapi"

// DistReg reads a register of the distributor, at a byte offset; one of 64 bits is
// two.
//
// attr: KVM_DEV_ARM_VGIC_GRP_DIST_REGS (device) · since: Linux 4.11
func (g *VGICV3) DistReg(offset uint32) (uint32, error) {
	return getVGICReg(g.attrs, uapi.DevArmVGICGrpDistRegs, 0, offset)
}

// SetDistReg writes a register of the distributor; GICD_IIDR first of all.
//
// attr: KVM_DEV_ARM_VGIC_GRP_DIST_REGS (device) · since: Linux 4.11
func (g *VGICV3) SetDistReg(offset, value uint32) error {
	return setVGICReg(g.attrs, uapi.DevArmVGICGrpDistRegs, 0, offset, value)
}

// RedistReg reads a register of a vCPU's redistributor, at a byte offset.
//
// attr: KVM_DEV_ARM_VGIC_GRP_REDIST_REGS (device) · since: Linux 4.11
func (g *VGICV3) RedistReg(mpidr uint64, offset uint32) (uint32, error) {
	return getVGICReg(g.attrs, uapi.DevArmVGICGrpRedistRegs, vgicAffinity(mpidr), offset)
}

// SetRedistReg writes a register of a vCPU's redistributor.
//
// attr: KVM_DEV_ARM_VGIC_GRP_REDIST_REGS (device) · since: Linux 4.11
func (g *VGICV3) SetRedistReg(mpidr uint64, offset, value uint32) error {
	return setVGICReg(g.attrs, uapi.DevArmVGICGrpRedistRegs, vgicAffinity(mpidr), offset, value)
}

// CPUSysreg reads a register of a vCPU's CPU interface, which are system registers:
// uapi.RegArm64SysregICCPMREL1 and others.
//
// attr: KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS (device) · since: Linux 4.11
func (g *VGICV3) CPUSysreg(mpidr uint64, reg uapi.RegID[uint64]) (uint64, error) {
	attr, err := vgicSysreg(mpidr, reg)
	if err != nil {
		return 0, err
	}
	return getAttr[uint64](g.attrs, uapi.DevArmVGICGrpCPUSysregs, attr)
}

// SetCPUSysreg writes a register of a vCPU's CPU interface.
//
// attr: KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS (device) · since: Linux 4.11
func (g *VGICV3) SetCPUSysreg(mpidr uint64, reg uapi.RegID[uint64], value uint64) error {
	attr, err := vgicSysreg(mpidr, reg)
	if err != nil {
		return err
	}
	return setAttr(g.attrs, uapi.DevArmVGICGrpCPUSysregs, attr, value)
}

// vgicSysreg uses that attributes and ids have the same fields for the five numbers
// of a system register.
func vgicSysreg(mpidr uint64, reg uapi.RegID[uint64]) (uint64, error) {
	if _, _, _, _, _, ok := uapi.RegArm64SysregOps(reg.Reg()); !ok {
		return 0, invalid("%v (%#x) is not a system register", reg, uint64(reg))
	}
	return vgicAffinity(mpidr)<<uapi.DevArmVGICV3MpidrShift | uint64(reg)&uapi.DevArmVGICSysregInstrMask, nil
}

// LineLevel reads the levels of 32 interrupt lines, a bit each, from an INTID on
// that is a multiple of 32. Lines of private interrupts are the vCPU's.
//
// attr: KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, VGIC_LEVEL_INFO_LINE_LEVEL (device) · since: Linux 4.11
func (g *VGICV3) LineLevel(mpidr uint64, intid uint32) (uint32, error) {
	attr, err := vgicLineLevel(mpidr, intid)
	if err != nil {
		return 0, err
	}
	return getAttr[uint32](g.attrs, uapi.DevArmVGICGrpLevelInfo, attr)
}

// SetLineLevel sets the levels of 32 interrupt lines.
//
// attr: KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, VGIC_LEVEL_INFO_LINE_LEVEL (device) · since: Linux 4.11
func (g *VGICV3) SetLineLevel(mpidr uint64, intid, levels uint32) error {
	attr, err := vgicLineLevel(mpidr, intid)
	if err != nil {
		return err
	}
	return setAttr(g.attrs, uapi.DevArmVGICGrpLevelInfo, attr, levels)
}

func vgicLineLevel(mpidr uint64, intid uint32) (uint64, error) {
	if intid%32 != 0 || intid > uapi.DevArmVGICLineLevelIntidMask {
		return 0, invalid("levels from the INTID %d on: want a multiple of 32 below 1024", intid)
	}
	return vgicAffinity(mpidr)<<uapi.DevArmVGICV3MpidrShift |
		uapi.VGICLevelInfoLineLevel<<uapi.DevArmVGICLineLevelInfoShift | uint64(intid), nil
}
