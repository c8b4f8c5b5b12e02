//go:build amd64 || arm64 || riscv64

package probe

import (
	"errors"
	"fmt"
	"time"

	"linuxkvm/kvm"
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// ramSize is the guest's memory: 64 KiB are one page on every host.
const ramSize = 0x10000

// mode is the privilege level the guest runs at.
type mode uint8

const (
	kernelMode mode = 0
	userMode   mode = 3
)

// patience is how long the guest may take for one run before it is given up.
const patience = 3 * time.Second

// guest is a VM with one vCPU.
type guest struct {
	vm  *kvm.VM
	cpu *kvm.VCPU
	ram *memory.Region
}

func newGuest(sys *kvm.System) (*guest, error) {
	g := &guest{}
	if err := g.build(sys); err != nil {
		g.close()
		return nil, fmt.Errorf("probe: %w", err)
	}
	return g, nil
}

func (g *guest) build(sys *kvm.System) (err error) {
	if g.ram, err = memory.New(ramSize); err != nil {
		return err
	}
	for at, bytes := range contents {
		if _, err := g.ram.WriteAt(bytes, at-ramAddr); err != nil {
			return err
		}
	}
	if g.vm, err = sys.CreateVM(); err != nil {
		return err
	}
	if err := g.vm.SetUserMemoryRegion(0, 0, ramAddr, g.ram); err != nil {
		return err
	}
	if g.cpu, err = g.vm.CreateVCPU(0); err != nil {
		return err
	}
	return g.prepare(sys)
}

// close gives everything back; nothing of it can fail in a way that matters to
// a measurement that is over.
func (g *guest) close() {
	if g.cpu != nil {
		_ = g.cpu.Close()
	}
	if g.vm != nil {
		_ = g.vm.Close()
	}
	if g.ram != nil {
		_ = g.ram.Close()
	}
}

// run lets the guest run until it writes to its device, and returns how long that
// took.
func (g *guest) run() (time.Duration, error) {
	rescue := time.AfterFunc(patience, func() { _ = g.cpu.Kick() })
	defer rescue.Stop()
	start := time.Now()
	for {
		exit, err := g.cpu.Run()
		took := time.Since(start)
		switch {
		case err != nil:
			return 0, fmt.Errorf("probe: %w", err)
		case exit.Reason() == deviceExit:
			return took, nil
		case exit.Kicked():
			return 0, errors.New("probe: the guest did not come back")
		case exit.Reason() != uapi.ExitIntr:
			return 0, fmt.Errorf("probe: the guest ended with %v where it should have written to its device", exit.Reason())
		}
	}
}
