package kvm

import "linuxkvm/uapi"

const (
	irqChipCap   = uapi.CapIRQChip
	irqChipSince = "2.6.24"

	irqChipDevice = 0 // no device of CreateDevice's
)

// EnableSplitIRQChip puts local APICs for every vCPU into the kernel and leaves
// PICs and I/O APIC to the caller, who delivers their interrupts with SignalMSI
// or through routes of type MSI. pins is the number of I/O APIC pins: routes to
// GSIs below it are watched, so that their end of interrupt comes as an exit
// (uapi.ExitIOAPICEOI). It comes before the first vCPU and excludes
// CreateIRQChip.
//
// ioctl: KVM_ENABLE_CAP (vm) · cap: KVM_CAP_SPLIT_IRQCHIP · arch: x86 · since: Linux 4.4 · doc: virt/kvm/api.rst "KVM_CAP_SPLIT_IRQCHIP"
func (vm *VM) EnableSplitIRQChip(pins int) error {
	if pins < 0 {
		return invalid("KVM_CAP_SPLIT_IRQCHIP: %d pins", pins)
	}
	err := vm.EnableCap(uapi.CapSplitIRQChip, uint64(pins))
	return explain(err, vm, uapi.CapSplitIRQChip, "4.4")
}

// IRQChip returns the state of one of the three in-kernel interrupt controllers:
// uapi.IRQChipPICMaster, IRQChipPICSlave or IRQChipIOAPIC. PIC and IOAPIC are the
// typed forms.
//
// ioctl: KVM_GET_IRQCHIP (vm) · cap: KVM_CAP_IRQCHIP · arch: x86 · since: Linux 2.6.24 · doc: virt/kvm/api.rst "KVM_GET_IRQCHIP"
func (vm *VM) IRQChip(id uint32) (uapi.IRQChip, error) {
	chip := uapi.IRQChip{ChipID: id}
	err := vmSet(vm, uapi.IoctlVMGetIRQChip, &chip)
	return chip, explain(err, vm, uapi.CapIRQChip, "2.6.24")
}

// SetIRQChip replaces the state of the controller that chip names.
//
// ioctl: KVM_SET_IRQCHIP (vm) · cap: KVM_CAP_IRQCHIP · arch: x86 · since: Linux 2.6.24 · doc: virt/kvm/api.rst "KVM_SET_IRQCHIP"
func (vm *VM) SetIRQChip(chip *uapi.IRQChip) error {
	err := vmSet(vm, uapi.IoctlVMSetIRQChip, chip)
	return explain(err, vm, uapi.CapIRQChip, "2.6.24")
}

// PIC returns the state of one of the two in-kernel PICs: uapi.IRQChipPICMaster or
// IRQChipPICSlave.
//
// ioctl: KVM_GET_IRQCHIP (vm) · cap: KVM_CAP_IRQCHIP · arch: x86 · since: Linux 2.6.24 · doc: virt/kvm/api.rst "KVM_GET_IRQCHIP"
func (vm *VM) PIC(id uint32) (uapi.PICState, error) {
	if err := checkPIC(id); err != nil {
		return uapi.PICState{}, err
	}
	chip, err := vm.IRQChip(id)
	return *chip.Chip.PIC(), err
}

// SetPIC replaces the state of one of the two in-kernel PICs.
//
// ioctl: KVM_SET_IRQCHIP (vm) · cap: KVM_CAP_IRQCHIP · arch: x86 · since: Linux 2.6.24 · doc: virt/kvm/api.rst "KVM_SET_IRQCHIP"
func (vm *VM) SetPIC(id uint32, pic *uapi.PICState) error {
	if err := checkPIC(id); err != nil {
		return err
	}
	if pic == nil {
		return invalid("%v: nil PIC", uapi.IoctlVMSetIRQChip)
	}
	chip := uapi.IRQChip{ChipID: id}
	*chip.Chip.PIC() = *pic
	return vm.SetIRQChip(&chip)
}

func checkPIC(id uint32) error {
	if id != uapi.IRQChipPICMaster && id != uapi.IRQChipPICSlave {
		return invalid("there is no PIC with the number %d", id)
	}
	return nil
}

// IOAPIC returns the state of the in-kernel I/O APIC.
//
// ioctl: KVM_GET_IRQCHIP (vm) · cap: KVM_CAP_IRQCHIP · arch: x86 · since: Linux 2.6.24 · doc: virt/kvm/api.rst "KVM_GET_IRQCHIP"
func (vm *VM) IOAPIC() (uapi.IOAPICState, error) {
	chip, err := vm.IRQChip(uapi.IRQChipIOAPIC)
	return *chip.Chip.IOAPIC(), err
}

// SetIOAPIC replaces the state of the in-kernel I/O APIC.
//
// ioctl: KVM_SET_IRQCHIP (vm) · cap: KVM_CAP_IRQCHIP · arch: x86 · since: Linux 2.6.24 · doc: virt/kvm/api.rst "KVM_SET_IRQCHIP"
func (vm *VM) SetIOAPIC(ioapic *uapi.IOAPICState) error {
	if ioapic == nil {
		return invalid("%v: nil I/O APIC", uapi.IoctlVMSetIRQChip)
	}
	chip := uapi.IRQChip{ChipID: uapi.IRQChipIOAPIC}
	*chip.Chip.IOAPIC() = *ioapic
	return vm.SetIRQChip(&chip)
}
