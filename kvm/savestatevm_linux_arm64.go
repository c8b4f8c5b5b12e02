package kvm

import "fmt"

// VMState is what KVM holds of a VM beside its vCPUs and its memory: the interrupt
// controllers. (The counter is among the registers of the vCPUs.)
type VMState struct {
	StateHeader
	GIC *VGICV3State
	ITS []VGICITSState // in the order in which SaveState got them
}

func (s *VMState) fields() []stateField {
	return []stateField{
		vgicField("gicv3", &s.GIC),
		itsField("its", &s.ITS),
	}
}

func (g *VGICV3) stateVM() *VM {
	if g == nil {
		return nil
	}
	return g.VM()
}

func (s *VGICITS) stateVM() *VM {
	if s == nil {
		return nil
	}
	return s.VM()
}

// stateParts are the parts by their types.
type stateParts struct {
	gic   *VGICV3
	its   []*VGICITS
	vcpus []*VCPU
}

func armParts(parts []StatePart) (p stateParts, err error) {
	p.its, p.vcpus = partsOf[*VGICITS](parts), partsOf[*VCPU](parts)
	gics := partsOf[*VGICV3](parts)
	switch {
	case len(gics) > 1:
		return p, invalid("state: %d GICv3, and a VM has one", len(gics))
	case len(gics) == 1 && len(p.vcpus) == 0:
		return p, invalid("state: a GICv3 without vCPUs: pass all of them, each has a part of it")
	case len(gics) == 0 && len(p.its) > 0:
		return p, invalid("state: an ITS without its GICv3: pass that too")
	case len(gics) == 1:
		p.gic = gics[0]
	}
	return p, nil
}

// saveState writes the pending bits of LPIs to guest memory before the ITS's tables,
// which say whose they are.
func (vm *VM) saveState(s *VMState, parts []StatePart) error {
	p, err := armParts(parts)
	if err != nil {
		return err
	}
	if vm.core.fd.Closed() {
		return fmt.Errorf("SaveState: %w", ErrClosed)
	}
	if p.gic == nil {
		return nil
	}
	if s.GIC, err = p.gic.saveState(p.vcpus); err != nil {
		return err
	}
	for _, its := range p.its {
		state, err := its.saveState()
		if err != nil {
			return err
		}
		s.ITS = append(s.ITS, state)
	}
	return nil
}

// restoreState has the order of virt/kvm/devices/arm-vgic-its.rst.
func (vm *VM) restoreState(s *VMState, parts []StatePart) error {
	p, err := armParts(parts)
	if err != nil {
		return err
	}
	switch {
	case vm.core.fd.Closed():
		return fmt.Errorf("RestoreState: %w", ErrClosed)
	case (s.GIC == nil) != (p.gic == nil):
		return differs("gicv3", "there is one in the state: %v, and RestoreState got one: %v", s.GIC != nil, p.gic != nil)
	case len(s.ITS) != len(p.its):
		return differs("its", "there are %d in the state, and RestoreState got %d", len(s.ITS), len(p.its))
	case s.GIC == nil:
		return nil
	}
	if err := p.gic.restoreState(s.GIC, p.vcpus); err != nil {
		return err
	}
	for i, its := range p.its {
		if err := its.restoreState(&s.ITS[i]); err != nil {
			return err
		}
	}
	return nil
}
