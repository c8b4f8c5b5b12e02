package kvm

import (
	"errors"
	"fmt"
	"syscall"

	"linuxkvm/uapi"
)

// VGICV3State is the state of a GICv3. Registers are in the order in which they are
// set.
type VGICV3State struct {
	NrIRQs        uint32
	IIDR          uint32      // GICD_IIDR, with the revision of KVM's implementation
	Distributor   []VGICReg   // GICD_
	Lines         []uint32    // levels of the wires, 32 in each, from INTID 32 on
	Redistributor []VGICV3CPU // one for each vCPU, in the order of SaveState
}

// VGICV3CPU is a vCPU's part of a GICv3.
type VGICV3CPU struct {
	MPIDR  uint64 // of the vCPU
	Regs   []VGICReg
	Lines  uint32     // levels of its own wires
	Sysreg []RegState // of the CPU interface: ICC_
}

// VGICReg is a register of 32 bits at its byte offset.
type VGICReg struct{ Offset, Value uint32 }

// Registers of the distributor and the redistributors, by their offsets in the
// architecture's specification; those of a redistributor's second page are the
// distributor's for the first 32 interrupts.
const (
	gicdCTLR       = 0x0000
	gicdIIDR       = 0x0008
	gicdSTATUSR    = 0x0010
	gicdIGROUPR    = 0x0080
	gicdISENABLER  = 0x0100
	gicdICENABLER  = 0x0180
	gicdISPENDR    = 0x0200
	gicdISACTIVER  = 0x0300
	gicdICACTIVER  = 0x0380
	gicdIPRIORITYR = 0x0400
	gicdICFGR      = 0x0c00
	gicdIROUTER    = 0x6000

	gicrCTLR      = 0x0000
	gicrSTATUSR   = 0x0010
	gicrWAKER     = 0x0014
	gicrPROPBASER = 0x0070
	gicrPENDBASER = 0x0078
	gicrPrivate   = 0x10000
)

// gicPrivate is how many interrupts are a vCPU's own.
const gicPrivate = 32

// gicClears are the registers whose bits clear those of others: they are set to all
// ones before.
var gicClears = map[uint32]uint32{gicdISENABLER: gicdICENABLER, gicdISACTIVER: gicdICACTIVER}

// gicRegs are the offsets of what there is for interrupts in the range from first to
// end, in the order in which they are set: whether an interrupt is an edge or a level,
// and where it goes, comes before that it is pending. The levels of the wires come
// between, at the offset gicLines.
func gicRegs(first, end uint32) (list []uint32) {
	each := func(base, bits uint32) {
		for at := first * bits / 8; at < end*bits/8; at += 4 {
			list = append(list, base+at)
		}
	}
	each(gicdIGROUPR, 1)
	each(gicdISENABLER, 1)
	if first >= gicPrivate {
		each(gicdIROUTER, 64)
	}
	each(gicdICFGR, 2)
	list = append(list, gicLines)
	each(gicdISPENDR, 1)
	each(gicdISACTIVER, 1)
	each(gicdIPRIORITYR, 8)
	return list
}

// gicLines stands for the wires in a list of registers.
const gicLines = 0xffffffff

// gicSysregs are the registers of the CPU interface in the order in which they are
// set. Of the last ones there are as many as the processor has bits of priority.
var gicSysregs = []uapi.RegID[uint64]{
	uapi.RegArm64SysregICCSREEL1, uapi.RegArm64SysregICCCTLREL1,
	uapi.RegArm64SysregICCIGRPEN0EL1, uapi.RegArm64SysregICCIGRPEN1EL1,
	uapi.RegArm64SysregICCPMREL1, uapi.RegArm64SysregICCBPR0EL1, uapi.RegArm64SysregICCBPR1EL1,
	uapi.RegArm64SysregICCAP0R0EL1, uapi.RegArm64SysregICCAP0R1EL1, uapi.RegArm64SysregICCAP0R2EL1, uapi.RegArm64SysregICCAP0R3EL1,
	uapi.RegArm64SysregICCAP1R0EL1, uapi.RegArm64SysregICCAP1R1EL1, uapi.RegArm64SysregICCAP1R2EL1, uapi.RegArm64SysregICCAP1R3EL1,
}

func (g *VGICV3) saveState(vcpus []*VCPU) (*VGICV3State, error) {
	s := new(VGICV3State)
	var err error
	if s.NrIRQs, err = g.NrIRQs(); err != nil {
		return nil, inState("gicv3: number of interrupts", err)
	}
	// ENXIO and others mean a guest that has no LPIs, or none yet.
	if err := g.SavePendingTables(); err != nil && !errors.Is(err, syscall.ENXIO) && !errors.Is(err, syscall.EINVAL) {
		return nil, inState("gicv3: pending tables", err)
	}
	if s.IIDR, err = g.DistReg(gicdIIDR); err != nil {
		return nil, inState("gicv3: GICD_IIDR", err)
	}
	mpidrs, err := mpidrsOf(vcpus)
	if err != nil {
		return nil, err
	}
	offsets := append([]uint32{gicdCTLR, gicdSTATUSR}, gicRegs(gicPrivate, s.NrIRQs)...)
	s.Distributor, err = saveVGICRegs("GICD", offsets, g.DistReg)
	if err != nil {
		return nil, err
	}
	for intid := uint32(gicPrivate); intid < s.NrIRQs; intid += 32 {
		levels, err := g.LineLevel(mpidrs[0], intid)
		if err != nil {
			return nil, inState("gicv3: wires", err)
		}
		s.Lines = append(s.Lines, levels)
	}
	for _, mpidr := range mpidrs {
		cpu, err := g.saveCPU(mpidr)
		if err != nil {
			return nil, err
		}
		s.Redistributor = append(s.Redistributor, cpu)
	}
	return s, nil
}

func mpidrsOf(vcpus []*VCPU) (list []uint64, _ error) {
	for _, v := range vcpus {
		mpidr, err := GetOneReg(v, uapi.RegArm64SysregMPIDREL1)
		if err != nil {
			return nil, inState("register MPIDR_EL1", err)
		}
		list = append(list, mpidr)
	}
	return list, nil
}

func saveVGICRegs(what string, offsets []uint32, get func(uint32) (uint32, error)) (list []VGICReg, _ error) {
	for _, offset := range offsets {
		if offset == gicLines {
			list = append(list, VGICReg{Offset: gicLines})
			continue
		}
		value, err := get(offset)
		if err != nil {
			return nil, inState(fmt.Sprintf("gicv3: %s register at %#x", what, offset), err)
		}
		list = append(list, VGICReg{offset, value})
	}
	return list, nil
}

func (g *VGICV3) saveCPU(mpidr uint64) (VGICV3CPU, error) {
	cpu := VGICV3CPU{MPIDR: mpidr}
	// The places of the tables come before GICR_CTLR, which can switch LPIs on.
	offsets := []uint32{gicrPROPBASER, gicrPROPBASER + 4, gicrPENDBASER, gicrPENDBASER + 4, gicrCTLR, gicrSTATUSR, gicrWAKER}
	for _, offset := range gicRegs(0, gicPrivate) {
		if offset != gicLines {
			offset += gicrPrivate
		}
		offsets = append(offsets, offset)
	}
	var err error
	cpu.Regs, err = saveVGICRegs("GICR", offsets, func(offset uint32) (uint32, error) { return g.RedistReg(mpidr, offset) })
	if err != nil {
		return cpu, err
	}
	if cpu.Lines, err = g.LineLevel(mpidr, 0); err != nil {
		return cpu, inState("gicv3: wires", err)
	}
	for _, id := range gicSysregs {
		value, err := g.CPUSysreg(mpidr, id)
		switch {
		case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENXIO):
			continue // this processor does not have it
		case err != nil:
			return cpu, inState("gicv3: register "+id.String(), err)
		}
		cpu.Sysreg = append(cpu.Sysreg, RegState{id.Reg(), append([]byte(nil), bytesOf(&value)...)})
	}
	return cpu, nil
}

func (g *VGICV3) restoreState(s *VGICV3State, vcpus []*VCPU) error {
	mpidrs, err := mpidrsOf(vcpus)
	if err != nil {
		return err
	}
	if err := g.checkShape(s, mpidrs); err != nil {
		return err
	}
	if err := g.SetDistReg(gicdIIDR, s.IIDR); err != nil {
		return lacks(err, "gicv3: GICD_IIDR", "this host's GICv3 cannot be like the one of %#x", s.IIDR)
	}
	// The distributor's switch comes first, its interrupts after the redistributors.
	for _, r := range s.Distributor {
		if r.Offset == gicdCTLR {
			if err := g.SetDistReg(gicdCTLR, r.Value); err != nil {
				return inState("gicv3: GICD_CTLR", err)
			}
		}
	}
	for i := range s.Redistributor {
		if err := g.restoreRedist(&s.Redistributor[i]); err != nil {
			return err
		}
	}
	err = restoreVGICRegs("GICD", s.Distributor, g.SetDistReg, func() error {
		for i, levels := range s.Lines {
			if err := g.SetLineLevel(mpidrs[0], gicPrivate+32*uint32(i), levels); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range s.Redistributor {
		if err := g.restoreSysregs(&s.Redistributor[i]); err != nil {
			return err
		}
	}
	return nil
}

func (g *VGICV3) checkShape(s *VGICV3State, mpidrs []uint64) error {
	n, err := g.NrIRQs()
	switch {
	case err != nil:
		return inState("gicv3: number of interrupts", err)
	case n != s.NrIRQs:
		return differs("gicv3", "it has %d interrupts in the state, this one has %d: see SetNrIRQs", s.NrIRQs, n)
	case len(mpidrs) != len(s.Redistributor):
		return differs("gicv3", "it is of %d vCPUs in the state, and RestoreState got %d", len(s.Redistributor), len(mpidrs))
	}
	for i, mpidr := range mpidrs {
		if vgicAffinity(mpidr) != vgicAffinity(s.Redistributor[i].MPIDR) {
			return differs("gicv3", "vCPU %d has the MPIDR %#x in the state, and %#x here: restore the vCPUs first, and pass them in the order of SaveState", i, s.Redistributor[i].MPIDR, mpidr)
		}
	}
	return nil
}

func (g *VGICV3) restoreRedist(cpu *VGICV3CPU) error {
	return restoreVGICRegs("GICR", cpu.Regs,
		func(offset, value uint32) error { return g.SetRedistReg(cpu.MPIDR, offset, value) },
		func() error { return g.SetLineLevel(cpu.MPIDR, 0, cpu.Lines) })
}

func restoreVGICRegs(what string, regs []VGICReg, set func(offset, value uint32) error, lines func() error) error {
	for _, r := range regs {
		if r.Offset == gicLines {
			if err := lines(); err != nil {
				return inState("gicv3: wires", err)
			}
			continue
		}
		var err error
		if clears, ok := gicClearOf(r.Offset); ok {
			err = set(clears, 1<<32-1)
		}
		if err == nil {
			err = set(r.Offset, r.Value)
		}
		if err != nil {
			return lacks(err, fmt.Sprintf("gicv3: %s register at %#x", what, r.Offset), "it cannot be set to %#x", r.Value)
		}
	}
	return nil
}

// gicClearOf returns the register that clears the bits of the one at an offset.
func gicClearOf(offset uint32) (uint32, bool) {
	const span = 0x80 // of each of these kinds of registers
	page := offset & gicrPrivate
	clears, ok := gicClears[offset&^gicrPrivate&^(span-1)]
	return page + clears + offset%span, ok
}

func (g *VGICV3) restoreSysregs(cpu *VGICV3CPU) error {
	for _, r := range cpu.Sysreg {
		var value uint64
		if err := decodeValue("gicv3", r.Value, &value); err != nil {
			return err
		}
		if err := g.SetCPUSysreg(cpu.MPIDR, uapi.RegID[uint64](r.ID), value); err != nil {
			return lacks(err, "gicv3: register "+r.ID.String(), "it cannot be set to %#x", value)
		}
	}
	return nil
}
