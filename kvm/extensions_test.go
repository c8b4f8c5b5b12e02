package kvm

import (
	"testing"

	"linuxkvm/uapi"
)

func TestExtensions(t *testing.T) {
	s := openSystem(t)
	vm, err := s.CreateVM()
	must(t, err)
	defer vm.Close()
	for name, ask := range map[string]func() ([]Extension, error){"system": s.Extensions, "vm": vm.Extensions} {
		list, err := ask()
		must(t, err)
		if len(list) < 200 {
			t.Errorf("%s: %d capabilities, the headers have more than 200", name, len(list))
		}
		found := false
		for i, e := range list {
			if i > 0 && e.Cap <= list[i-1].Cap {
				t.Errorf("%s: %v comes after %v", name, e.Cap, list[i-1].Cap)
			}
			found = found || e.Cap == uapi.CapUserMemory && e.Value == 1
		}
		if _, err := vm.CheckExtension(uapi.CapMSIDevID); name == "vm" && err != nil {
			t.Errorf("vm: %v", err)
		}
		if !found {
			t.Errorf("%s: no user memory", name)
		}
	}
}
