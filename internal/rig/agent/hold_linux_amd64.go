package agent

import (
	"errors"
	"io/fs"

	"linuxkvm/kvm"
)

// held are vCPUs, and with them their VMs, that live as long as the guest.
var held []*kvm.VCPU

// apicEnable is the bit of the APIC base register that switches the APIC on.
const apicEnable = 1 << 11

// holdKVM keeps counters inside KVM above zero. When the first VM comes or the
// last one goes, and when the number of vCPUs without or with a switched-off
// local APIC leaves or reaches zero, the kernel patches its own code, and QEMU's
// multi-threaded emulation now and then goes on with what was there before: an
// oops at an int3, or a hang. With one of each held nothing is patched while
// tests come and go.
func holdKVM() error {
	sys, err := kvm.Open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the host is told so by the greeting
	}
	if err != nil {
		return err
	}
	defer sys.Close()
	if err := hold(sys, false); err != nil {
		return err
	}
	return hold(sys, true)
}

// hold keeps a VM with two vCPUs. With an irqchip the APIC of the first is off
// by its software switch, as after a reset, and that of the second by the bit in
// its base register.
func hold(sys *kvm.System, irqchip bool) error {
	vm, err := sys.CreateVM()
	if err != nil {
		return err
	}
	if irqchip {
		if err := vm.CreateIRQChip(); err != nil {
			return err
		}
	}
	for id := range 2 {
		cpu, err := vm.CreateVCPU(id)
		if err != nil {
			return err
		}
		held = append(held, cpu)
		if !irqchip || id == 0 {
			continue
		}
		sregs, err := cpu.Sregs()
		if err != nil {
			return err
		}
		sregs.APICBase &^= apicEnable
		if err := cpu.SetSregs(&sregs); err != nil {
			return err
		}
	}
	return nil
}
