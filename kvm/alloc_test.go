package kvm

import (
	"testing"

	"linuxkvm/uapi"
)

func TestNoAllocations(t *testing.T) {
	vm, v, _ := newProgram(t, programExit)
	var err error
	calls := map[string]func(){
		"CheckExtension": func() { _, err = vm.CheckExtension(uapi.CapIRQChip) },
		"Run":            func() { _, err = v.Run() },
		"Kick and Run":   func() { err = v.Kick(); _, err = v.Run() },
	}
	for name, f := range stateCalls(t, v) {
		calls[name] = func() { err = f() }
	}
	for name, f := range calls {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(50, f); n != 0 {
				t.Errorf("%v allocations, want 0", n)
			}
			must(t, err)
		})
	}
}
