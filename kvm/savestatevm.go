//go:build amd64 || arm64 || riscv64

package kvm

import "fmt"

// StatePart is what [VM.SaveState] cannot find by itself: a *VCPU, on arm64 a *VGICV3
// or a *VGICITS, on riscv64 a *RISCVAIA.
type StatePart interface{ stateVM() *VM }

func (v *VCPU) stateVM() *VM {
	if v == nil {
		return nil
	}
	return v.vm
}

// SaveState returns what KVM holds of the VM beside its vCPUs and its memory: clocks
// and the interrupt controllers in the kernel. On arm64 and riscv64 those are devices,
// which KVM does not list: the caller passes them, and with them every vCPU, in the
// order of creation. On amd64 nothing need be passed.
//
// All vCPUs must be out of the guest (EBUSY from some controllers). Guest RAM is
// saved by the caller, after this: an ITS and its GICv3 write their tables there.
// See [VCPU.SaveState] for the order of everything.
//
// It is many ioctls: on amd64 KVM_GET_IRQCHIP, GET_PIT2, GET_CLOCK, GET_TSC_KHZ and
// KVM_XEN_HVM_GET_ATTR; elsewhere KVM_GET_DEVICE_ATTR, and KVM_SET_DEVICE_ATTR for the
// tables.
func (vm *VM) SaveState(parts ...StatePart) (*VMState, error) {
	if err := vm.checkParts("SaveState", parts); err != nil {
		return nil, err
	}
	s := &VMState{StateHeader: newStateHeader()}
	if err := vm.saveState(s, parts); err != nil {
		return nil, err
	}
	return s, nil
}

// RestoreState makes the VM what it was when s was saved: one that the caller has
// made and configured in the same way, with the parts that SaveState got. It comes
// after guest RAM and after RestoreState of all vCPUs.
//
// What this host or this VM cannot take is a *StateError that names it.
//
// It is the ioctls that SET what those of SaveState GET, in the order that the
// kernel wants.
func (vm *VM) RestoreState(s *VMState, parts ...StatePart) error {
	if s == nil {
		return invalid("RestoreState: nil state")
	}
	if err := s.check(); err != nil {
		return err
	}
	if err := vm.checkParts("RestoreState", parts); err != nil {
		return err
	}
	return vm.restoreState(s, parts)
}

func (vm *VM) checkParts(op string, parts []StatePart) error {
	if vm.c().fd.Closed() {
		return fmt.Errorf("kvm: %s: %w", op, ErrClosed)
	}
	for i, p := range parts {
		if p == nil || p.stateVM() != vm {
			return invalid("%s: part %d is nil, or a %T of another VM", op, i, p)
		}
	}
	return nil
}
