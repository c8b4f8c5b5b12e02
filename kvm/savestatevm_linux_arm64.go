package kvm

import "linuxkvm/uapi"

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

// stateParts sorts parts, and refuses to leave one out.
func (vm *VM) stateParts(parts []StatePart) (p stateParts, err error) {
	p.its, p.vcpus = partsOf[*VGICITS](parts), partsOf[*VCPU](parts)
	gics := partsOf[*VGICV3](parts)
	for _, kind := range []uint32{uapi.DevTypeArmVGICV2, uapi.DevTypeArmVGICV5} {
		if _, n := vm.c().made.count(kind); n != 0 {
			return p, &StateError{Part: "interrupt controller", Reason: "this package saves a GICv3, not the GICv2 or GICv5 that the VM has", Err: ErrInvalid}
		}
	}
	vcpus, has := vm.c().made.count(uapi.DevTypeArmVGICV3)
	if len(gics) != has {
		return p, invalid("state: %d GICv3 passed, and the VM has %d", len(gics), has)
	}
	if _, has := vm.c().made.count(uapi.DevTypeArmVGICITS); len(p.its) != has {
		return p, invalid("state: %d ITS passed, and the VM has %d", len(p.its), has)
	}
	if has == 0 {
		return p, nil
	}
	p.gic = gics[0]
	if len(p.vcpus) != vcpus {
		return p, invalid("state: %d vCPUs passed, and the VM has %d: each has a part of the GICv3", len(p.vcpus), vcpus)
	}
	return p, nil
}

// saveState writes the pending bits of LPIs to guest memory before the ITS's tables,
// which say whose they are.
func (vm *VM) saveState(s *VMState, parts []StatePart) error {
	p, err := vm.stateParts(parts)
	if err != nil {
		return err
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
	p, err := vm.stateParts(parts)
	if err != nil {
		return err
	}
	switch {
	case (s.GIC == nil) != (p.gic == nil):
		return differs("gicv3", "there is one in the state: %v, the VM has one: %v", s.GIC != nil, p.gic != nil)
	case len(s.ITS) != len(p.its):
		return differs("its", "there are %d in the state, the VM has %d", len(s.ITS), len(p.its))
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
