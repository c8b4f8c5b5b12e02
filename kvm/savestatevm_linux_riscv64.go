package kvm

import "fmt"

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

func aiaOf(parts []StatePart) (*RISCVAIA, int, error) {
	list, vcpus := partsOf[*RISCVAIA](parts), len(partsOf[*VCPU](parts))
	switch {
	case len(list) > 1:
		return nil, 0, invalid("state: %d AIAs, and a VM has one", len(list))
	case len(list) == 0:
		return nil, 0, nil
	case vcpus == 0:
		return nil, 0, invalid("state: an AIA without vCPUs: pass all of them, each has an IMSIC")
	}
	return list[0], vcpus, nil
}

func (vm *VM) saveState(s *VMState, parts []StatePart) error {
	aia, vcpus, err := aiaOf(parts)
	switch {
	case err != nil:
		return err
	case vm.core.fd.Closed():
		return fmt.Errorf("SaveState: %w", ErrClosed)
	case aia == nil:
		return nil
	}
	s.AIA, err = aia.saveState(vcpus)
	return err
}

func (vm *VM) restoreState(s *VMState, parts []StatePart) error {
	aia, vcpus, err := aiaOf(parts)
	switch {
	case err != nil:
		return err
	case vm.core.fd.Closed():
		return fmt.Errorf("RestoreState: %w", ErrClosed)
	case (s.AIA == nil) != (aia == nil):
		return differs("aia", "there is one in the state: %v, and RestoreState got one: %v", s.AIA != nil, aia != nil)
	case aia == nil:
		return nil
	}
	return aia.restoreState(s.AIA, vcpus)
}
