package kvm

import (
	"errors"
	"fmt"
	"syscall"
)

// RISCVAIAState is the state of the interrupt controllers in the kernel.
type RISCVAIAState struct {
	Sources, IDs uint32 // as they were configured: RISCVAIASrcs, RISCVAIAIDs
	APLIC        []APLICReg
	// Lines are the wires that were high, 32 in each. A wire that its configuration
	// ignores is not among them.
	Lines []uint32
	IMSIC []IMSICReg // those of all vCPUs
}

// APLICReg is a register of the APLIC at its byte offset.
type APLICReg struct{ Offset, Value uint32 }

// IMSICReg is a register of the IMSIC of a vCPU, by its number for siselect.
type IMSICReg struct {
	VCPU, Isel uint32
	Value      uint64
}

// Registers of the APLIC, by their offsets in the specification. Those of wires are
// from wire 1 on.
const (
	aplicDOMAINCFG = 0x0000
	aplicSOURCECFG = 0x0004
	aplicSETIP     = 0x1c00
	aplicINCLRIP   = 0x1d00
	aplicSETIE     = 0x1e00
	aplicCLRIE     = 0x1f00
	aplicTARGET    = 0x3004

	aplicModeMask = 7 // of a source's configuration
	aplicEdgeFall = 5
	aplicLevelLow = 7
)

// Registers of an IMSIC, by their numbers for siselect; of the last two kinds there are
// 32, with even numbers.
const (
	imsicEIDELIVERY  = 0x70
	imsicEITHRESHOLD = 0x72
	imsicEIP         = 0x80
	imsicEIE         = 0xc0
)

func (a *RISCVAIA) shape() (sources, ids uint32, err error) {
	if sources, err = a.Config(RISCVAIASrcs); err != nil {
		return 0, 0, inState("aia: number of wires", err)
	}
	ids, err = a.Config(RISCVAIAIDs)
	return sources, ids, inState("aia: number of messages", err)
}

// imsicRegs are the registers of one IMSIC, with the one that has it deliver last.
func imsicRegs(ids uint32) []int {
	list := []int{imsicEITHRESHOLD}
	for i := range int(ids+1) / 64 {
		list = append(list, imsicEIP+2*i, imsicEIE+2*i)
	}
	return append(list, imsicEIDELIVERY)
}

func (a *RISCVAIA) saveState(vcpus int) (*RISCVAIAState, error) {
	s := new(RISCVAIAState)
	var err error
	if s.Sources, s.IDs, err = a.shape(); err != nil {
		return nil, err
	}
	if s.Sources != 0 {
		if err := a.saveAPLIC(s); err != nil {
			return nil, err
		}
	}
	for vcpu := range vcpus {
		for _, isel := range imsicRegs(s.IDs) {
			value, err := a.IMSICReg(vcpu, isel)
			if err != nil {
				return nil, inState(fmt.Sprintf("aia: IMSIC register %#x of vCPU %d", isel, vcpu), err)
			}
			s.IMSIC = append(s.IMSIC, IMSICReg{uint32(vcpu), uint32(isel), value})
		}
	}
	return s, nil
}

// aplicWords is how many words the bits of all wires take; wire 0 is none.
func (s *RISCVAIAState) aplicWords() uint32 { return (s.Sources + 1 + 31) / 32 }

// aplicOffsets are in the order in which registers are set: what a wire is and where it
// leads, what is pending and enabled, and the switch last: with it on, KVM sends what is
// both.
func (s *RISCVAIAState) aplicOffsets() (list []uint32) {
	for _, base := range []uint32{aplicSOURCECFG, aplicTARGET} {
		for i := range s.Sources {
			list = append(list, base+4*i)
		}
	}
	for _, base := range []uint32{aplicSETIP, aplicSETIE} {
		for i := range s.aplicWords() {
			list = append(list, base+4*i)
		}
	}
	return append(list, aplicDOMAINCFG)
}

func (a *RISCVAIA) saveAPLIC(s *RISCVAIAState) error {
	modes := make(map[uint32]uint32)
	for _, offset := range s.aplicOffsets() {
		value, err := a.APLICReg(offset)
		if err != nil {
			return inState(fmt.Sprintf("aia: APLIC register at %#x", offset), err)
		}
		s.APLIC = append(s.APLIC, APLICReg{offset, value})
		if offset >= aplicSOURCECFG && offset < aplicSOURCECFG+4*s.Sources {
			modes[(offset-aplicSOURCECFG)/4+1] = value & aplicModeMask
		}
	}
	for i := range s.aplicWords() {
		inputs, err := a.APLICReg(aplicINCLRIP + 4*i)
		if err != nil {
			return inState("aia: wires", err)
		}
		for bit := range uint32(32) {
			// Such a wire reads as 1 when it is low.
			if mode := modes[32*i+bit]; mode == aplicEdgeFall || mode == aplicLevelLow {
				inputs ^= 1 << bit
			}
		}
		s.Lines = append(s.Lines, inputs)
	}
	return nil
}

func (a *RISCVAIA) restoreState(s *RISCVAIAState, vcpus int) error {
	sources, ids, err := a.shape()
	switch {
	case err != nil:
		return err
	case sources != s.Sources || ids != s.IDs:
		return differs("aia", "the state has %d wires and %d messages, this controller %d and %d: see SetConfig", s.Sources, s.IDs, sources, ids)
	}
	for _, r := range s.IMSIC {
		if int(r.VCPU) >= vcpus {
			return differs("aia", "the state has an IMSIC of vCPU %d, and RestoreState got %d vCPUs", r.VCPU, vcpus)
		}
		if err := a.SetIMSICReg(int(r.VCPU), int(r.Isel), r.Value); err != nil {
			return lacks(err, fmt.Sprintf("aia: IMSIC register %#x of vCPU %d", r.Isel, r.VCPU), "it cannot be set to %#x", r.Value)
		}
	}
	return a.restoreAPLIC(s)
}

// restoreAPLIC switches off and clears everything first: what a wire that goes high
// makes pending is not what was.
func (a *RISCVAIA) restoreAPLIC(s *RISCVAIAState) error {
	if s.Sources == 0 {
		return nil
	}
	if err := a.SetAPLICReg(aplicDOMAINCFG, 0); err != nil {
		return inState("aia: APLIC's domaincfg", err)
	}
	for _, r := range s.APLIC {
		if r.Offset == aplicSETIP {
			if err := a.restoreLines(s); err != nil {
				return err
			}
		}
		if err := a.SetAPLICReg(r.Offset, r.Value); err != nil {
			return lacks(err, fmt.Sprintf("aia: APLIC register at %#x", r.Offset), "it cannot be set to %#x", r.Value)
		}
	}
	return nil
}

// restoreLines drives the wires. They are GSIs of the same numbers, unless the caller
// has set other routes: then driving them is the caller's.
func (a *RISCVAIA) restoreLines(s *RISCVAIAState) error {
	for wire := uint32(1); wire <= s.Sources; wire++ {
		high := int(wire/32) < len(s.Lines) && s.Lines[wire/32]>>(wire%32)&1 != 0
		if err := a.VM().IRQLine(wire, high); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENODEV) {
			return inState(fmt.Sprintf("aia: wire %d", wire), err)
		}
	}
	for i := range s.aplicWords() {
		for _, base := range []uint32{aplicINCLRIP, aplicCLRIE} {
			if err := a.SetAPLICReg(base+4*i, 1<<32-1); err != nil {
				return inState("aia: APLIC", err)
			}
		}
	}
	return nil
}
