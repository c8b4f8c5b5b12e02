//go:build linux && amd64

package main

import (
	"errors"
	"fmt"

	"linuxkvm/kvm"
	"linuxkvm/memory"
	"linuxkvm/uapi"
)

// The guests are those of the peers.
const (
	ramSize   = 0x10000
	codeAddr  = 0x1000
	deviceGPA = 0x10000 // the first address after RAM
)

var (
	portCode = []byte{0xe6, 0x10, 0xeb, 0xfc}       // out 0x10, al; jmp to it
	mmioCode = []byte{0xa2, 0x00, 0x00, 0xeb, 0xfb} // mov [0], al with DS at deviceGPA; jmp to it
	// out 0x10, ax; in al, 0x10; mov [0], ax; mov al, [0]; jmp to the first
	decodeCode = []byte{0xe7, 0x10, 0xe4, 0x10, 0xa3, 0x00, 0x00, 0xa0, 0x00, 0x00, 0xeb, 0xf4}
	haltCode   = []byte{0xf4}
)

// guest is one VM with one vCPU in real mode.
type guest struct {
	vm   *kvm.VM
	vcpu *kvm.VCPU
	ram  *memory.Region
}

func newGuest(sys *kvm.System, code []byte) (*guest, error) {
	g := &guest{}
	if err := g.create(sys, code); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

func (g *guest) create(sys *kvm.System, code []byte) (err error) {
	if g.ram, err = memory.New(ramSize); err != nil {
		return err
	}
	if _, err := g.ram.WriteAt(code, codeAddr); err != nil {
		return err
	}
	if g.vm, err = sys.CreateVM(); err != nil {
		return err
	}
	if err := g.vm.SetUserMemoryRegion(0, 0, 0, g.ram); err != nil {
		return err
	}
	if g.vcpu, err = g.vm.CreateVCPU(0); err != nil {
		return err
	}
	sregs, err := g.vcpu.Sregs()
	if err != nil {
		return err
	}
	sregs.CS.Base, sregs.CS.Selector = 0, 0
	sregs.DS.Base, sregs.DS.Selector = deviceGPA, deviceGPA>>4
	if err := g.vcpu.SetSregs(&sregs); err != nil {
		return err
	}
	return g.vcpu.SetRegs(&uapi.Regs{RIP: codeAddr, RFLAGS: 2})
}

// runTo runs the guest to the next exit that is no interruption.
func (g *guest) runTo(want uapi.ExitReason) error {
	for {
		e, err := g.vcpu.Run()
		switch {
		case err != nil:
			return err
		case e.Reason() == want:
			return nil
		case e.Reason() != uapi.ExitIntr:
			return fmt.Errorf("exit reason %v, want %v", e.Reason(), want)
		}
	}
}

func (g *guest) close() error {
	var errs []error
	if g.vcpu != nil {
		errs = append(errs, g.vcpu.Close())
	}
	if g.vm != nil {
		errs = append(errs, g.vm.Close())
	}
	if g.ram != nil {
		errs = append(errs, g.ram.Close())
	}
	return errors.Join(errs...)
}
