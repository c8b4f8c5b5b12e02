package kvm

import "linuxkvm/uapi"

// VMState is what KVM holds of a VM beside its vCPUs and its memory: the interrupt
// controllers. (The time is among the registers of the vCPUs.)
type VMState struct {
	StateHeader
	AIA *RISCVAIAState
}

func (s *VMState) fields() []stateField {
	return []stateField{aiaField("aia", &s.AIA)}
}

func (a *RISCVAIA) stateVM() *VM {
	if a == nil {
		return nil
	}
	return a.VM()
}

// aiaOf finds the AIA among parts, and refuses to leave it or a vCPU out.
func (vm *VM) aiaOf(parts []StatePart) (*RISCVAIA, int, error) {
	list, got := partsOf[*RISCVAIA](parts), len(partsOf[*VCPU](parts))
	vcpus, has := vm.c().made.count(uapi.DevTypeRISCVAIA)
	switch {
	case len(list) != has:
		return nil, 0, invalid("state: %d AIAs passed, and the VM has %d", len(list), has)
	case has == 0:
		return nil, 0, nil
	case got != vcpus:
		return nil, 0, invalid("state: %d vCPUs passed, and the VM has %d: each has an IMSIC", got, vcpus)
	}
	return list[0], vcpus, nil
}

func (vm *VM) saveState(s *VMState, parts []StatePart) error {
	aia, vcpus, err := vm.aiaOf(parts)
	switch {
	case err != nil:
		return err
	case aia == nil:
		return nil
	}
	s.AIA, err = aia.saveState(vcpus)
	return err
}

func (vm *VM) restoreState(s *VMState, parts []StatePart) error {
	aia, vcpus, err := vm.aiaOf(parts)
	switch {
	case err != nil:
		return err
	case (s.AIA == nil) != (aia == nil):
		return differs("aia", "there is one in the state: %v, the VM has one: %v", s.AIA != nil, aia != nil)
	case aia == nil:
		return nil
	}
	return aia.restoreState(s.AIA, vcpus)
}
