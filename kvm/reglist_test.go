//go:build !s390x && !ppc64le

package kvm

import (
	"slices"
	"testing"

	"linuxkvm/uapi"
)

func TestRegList(t *testing.T) {
	vm := newTestVM(t)
	v := newTestVCPU(t, vm)
	ids, err := v.RegList()
	if err != nil {
		needCap(t, vm, uapi.CapOneReg, oneRegSince)
	}
	must(t, err)
	for i, id := range ids {
		if RegSize(id) == 0 || slices.Contains(ids[:i], id) {
			t.Errorf("register %#x has no size or is listed twice", id)
		}
	}
}
