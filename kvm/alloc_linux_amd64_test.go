package kvm

import (
	"testing"

	"linuxkvm/uapi"
)

func TestNoAllocations(t *testing.T) {
	vm, v, _ := newGuest(t, 0xe6, 0x10, 0xeb, 0xfc) // out 0x10, al; jmp to it
	regs, err := v.Regs()
	must(t, err)
	sregs, err := v.Sregs()
	must(t, err)
	for name, f := range map[string]func(){
		"CheckExtension": func() { _, err = vm.CheckExtension(uapi.CapIRQChip) },
		"Regs":           func() { regs, err = v.Regs() },
		"SetRegs":        func() { err = v.SetRegs(&regs) },
		"Sregs":          func() { sregs, err = v.Sregs() },
		"SetSregs":       func() { err = v.SetSregs(&sregs) },
		"Run":            func() { _, err = v.Run() },
		"Kick and Run":   func() { err = v.Kick(); _, err = v.Run() },
	} {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(50, f); n != 0 {
				t.Errorf("%v allocations, want 0", n)
			}
			must(t, err)
		})
	}
}
