//go:build !s390x && !ppc64le

package kvm

import (
	"slices"
	"strings"
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
		if id.Size() == 0 || slices.Contains(ids[:i], id) || strings.HasPrefix(id.String(), "Reg(") {
			t.Errorf("register %v (%#x) has no size or no name, or is listed twice", id, uint64(id))
		}
	}
}
