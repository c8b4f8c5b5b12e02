// Package acpi builds the ACPI tables of a microVM: RSDP, XSDT, FADT, MADT and
// a DSDT in AML, from a short description of the machine.
//
// # Why hardware-reduced ACPI
//
// The FADT declares the hardware-reduced model (ACPI 5.0): no SCI, no PM1
// event and control registers, no PM timer, no FACS. It was chosen over the
// full model for the guest's boot time, the size of the device model and
// robustness:
//
//   - In the full model Linux programs the PIT and tests whether its interrupt
//     arrives through the IOAPIC (tens of milliseconds of waiting), probes
//     the PIC, and calibrates the PM timer against the PIT with thousands of port
//     reads, each of them an exit. In the reduced model it does none of that:
//     time comes from the local APIC timer and from kvmclock or the TSC.
//   - Power-off and reset are one byte written to one register each (SLEEP_CONTROL
//     and RESET), instead of an SCI, PM1a_EVT, PM1a_CNT and the enable dance.
//   - No interrupt source override and no "IRQ 0 is pin 2" is needed, the usual
//     source of guests that lose their timer.
//
// What it asks of the machine:
//
//   - The guest must be able to learn the TSC frequency without a timer: KVM's
//     paravirtual clock (CPUID leaf 0x40000001) or CPUID leaf 0x15 or 0x40000010.
//     A KVM PIT (KVM_CREATE_PIT2) is a harmless last resort for guests that see neither.
//   - Offer TSC_DEADLINE in CPUID leaf 1 if KVM_CAP_TSC_DEADLINE_TIMER is there:
//     without it Linux measures the APIC timer for 100 ms.
//   - Linux does not touch the PIC in this model and leaves LVT0 of the first
//     vCPU as it finds it. KVM's PIC starts unmasked with vectors from 0 on,
//     so its inputs must be cut: either mask both PICs (KVM_SET_IRQCHIP with
//     imr 0xff) or leave the PIC out of the GSI routing table.
//   - ISA devices get their interrupt only through the DSDT: a serial port that
//     is not described here works without interrupts, that is hardly at all.
//
// # Devices
//
// Linux finds virtio-mmio devices only through ACPI (LNRO0005) where it was built
// without CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES, as Debian's kernels are. The keyboard
// controller and the CMOS clock are left out unless asked for: probing them
// costs exits, kvmclock gives the wall clock, and reset has its own register.
//
// Addresses are guest-physical, sizes in bytes. Everything is a pure
// function of its arguments and safe for concurrent use.
package acpi
