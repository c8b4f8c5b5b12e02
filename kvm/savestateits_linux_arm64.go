package kvm

import "fmt"

// VGICITSState is the state of an ITS: its registers. Its tables are in guest memory.
type VGICITSState struct {
	Regs []VGICITSReg // in the order in which they are set
}

// VGICITSReg is a register at its byte offset, in 64 bits however wide it is.
type VGICITSReg struct{ Offset, Value uint64 }

// Registers of an ITS, by their offsets in the architecture's specification.
const (
	gitsCTLR    = 0x0000
	gitsIIDR    = 0x0004
	gitsCBASER  = 0x0080
	gitsCWRITER = 0x0088
	gitsCREADR  = 0x0090
	gitsBASER   = 0x0100 // 8 of them
)

// itsRegs are in the order of virt/kvm/devices/arm-vgic-its.rst: the revision that says
// how tables look; the command queue, before where it is read; and the switch last,
// after the tables.
var itsRegs = []uint32{
	gitsIIDR, gitsCBASER, gitsCREADR, gitsCWRITER,
	gitsBASER, gitsBASER + 8, gitsBASER + 16, gitsBASER + 24, gitsBASER + 32, gitsBASER + 40, gitsBASER + 48, gitsBASER + 56,
	gitsCTLR,
}

func (s *VGICITS) saveState() (state VGICITSState, err error) {
	if err := s.SaveTables(); err != nil {
		return state, inState("its: tables", err)
	}
	for _, offset := range itsRegs {
		value, err := s.Reg(offset)
		if err != nil {
			return state, inState(fmt.Sprintf("its: register at %#x", offset), err)
		}
		state.Regs = append(state.Regs, VGICITSReg{uint64(offset), value})
	}
	return state, nil
}

func (s *VGICITS) restoreState(state *VGICITSState) error {
	for _, r := range state.Regs {
		if r.Offset == gitsCTLR {
			if err := s.RestoreTables(); err != nil {
				return lacks(err, "its: tables", "KVM refuses them: is guest memory restored?")
			}
		}
		if err := s.SetReg(uint32(r.Offset), r.Value); err != nil {
			return lacks(err, fmt.Sprintf("its: register at %#x", r.Offset), "it cannot be set to %#x", r.Value)
		}
	}
	return nil
}
