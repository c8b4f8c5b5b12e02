//go:build amd64 || arm64 || riscv64

package kvm

import (
	"bytes"
	"cmp"
	"slices"

	"linuxkvm/uapi"
)

// RegState is a register of KVM_GET_ONE_REG with its value, which has the register's
// size, in the host's byte order.
type RegState struct {
	ID    uapi.Reg
	Value []byte
}

// saveRegs reads all registers that KVM lists.
func (v *VCPU) saveRegs() ([]RegState, error) {
	ids, err := v.RegList()
	if err != nil {
		return nil, inState("registers", err)
	}
	list := make([]RegState, 0, len(ids))
	for _, id := range ids {
		value := make([]byte, id.Size())
		if err := v.OneReg(uint64(id), value); err != nil {
			return nil, inState("register "+id.String(), err)
		}
		list = append(list, RegState{id, value})
	}
	return list, nil
}

// restoreRegs sets the registers, ordered by stage and otherwise as KVM has listed
// them. Nothing is set when this vCPU does not have one of them.
func (v *VCPU) restoreRegs(list []RegState, stage func(uapi.Reg) int) error {
	known, err := v.RegList()
	if err != nil {
		return inState("registers", err)
	}
	slices.Sort(known)
	for _, r := range list {
		if _, ok := slices.BinarySearch(known, r.ID); !ok {
			return lacks(nil, "register "+r.ID.String(), "KVM here does not have it, or this vCPU was not given the feature that it is part of")
		}
	}
	ordered := slices.Clone(list)
	slices.SortStableFunc(ordered, func(a, b RegState) int { return cmp.Compare(stage(a.ID), stage(b.ID)) })
	for _, r := range ordered {
		if err := v.restoreReg(r); err != nil {
			return err
		}
	}
	return nil
}

// restoreReg sets a register. Many cannot be set to anything, or not any more: that is
// no error for one that has the value already.
func (v *VCPU) restoreReg(r RegState) error {
	err := v.SetOneReg(uint64(r.ID), r.Value)
	if err == nil {
		return nil
	}
	now := make([]byte, r.ID.Size())
	if e := v.OneReg(uint64(r.ID), now); e != nil {
		return lacks(err, "register "+r.ID.String(), "it cannot be set to %#x", r.Value)
	}
	if bytes.Equal(now, r.Value) {
		return nil
	}
	return lacks(err, "register "+r.ID.String(), "it cannot be set to %#x, and is %#x here", r.Value, now)
}
